"""Records when this service joined; it may have missed orders placed before that.

A queue contains only events published after it was created. A log also contains earlier events:
there, the service joined at the time of the oldest event it can read.
"""

from datetime import UTC, datetime

from sqlalchemy import Engine, select

from services.shipping.schema import joined
from shared.database.engine import insert, reading, writing
from shared.transport import Broker


def note_joining(engine: Engine, broker: Broker, service: str) -> None:
    """Record the joining time once, as soon as the queues exist and no event can be missed."""
    if joined_at(engine) is None and not broker.missing([service]):
        at = broker.past() or datetime.now(UTC)
        with writing(engine) as tx:
            row = {"id": 1, "at": at}
            tx.execute(insert(tx, joined).on_conflict_do_nothing(), row)


def joined_at(engine: Engine) -> datetime | None:
    with reading(engine) as tx:
        return tx.scalar(select(joined.c.at))
