"""When this service joined: of orders placed before that, it need not have heard.

A queue holds what was published after it was made. A log holds the past as well: there, the
service has joined as early as the oldest event of which it hears.
"""

from datetime import UTC, datetime

from sqlalchemy import Engine, select

from services.shipping.schema import joined
from shared.database.engine import insert, reading, writing
from shared.transport import Broker


def note_joining(engine: Engine, broker: Broker, service: str) -> None:
    """Write down, once, that from now on nothing passes it by: its queues are there."""
    if joined_at(engine) is None and not broker.missing([service]):
        at = broker.past() or datetime.now(UTC)
        with writing(engine) as tx:
            row = {"id": 1, "at": at}
            tx.execute(insert(tx, joined).on_conflict_do_nothing(), row)


def joined_at(engine: Engine) -> datetime | None:
    with reading(engine) as tx:
        return tx.scalar(select(joined.c.at))
