"""Takes one batch from the outbox to the broker."""

from collections.abc import Sequence

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.order.outbox import Waiting, oldest, remove
from shared.errors import PublishFailed
from shared.transport import Publisher

log = structlog.get_logger()

PUBLISHED = Counter("outbox_published", "Events that the broker has confirmed.")


def publish_batch(connection: Connection, publisher: Publisher, limit: int) -> int:
    """Publish the oldest events and delete those that were confirmed; return their number.

    No transaction is open while the broker is waited for. Raises PublishFailed when some were
    not confirmed, BrokerUnavailable, and DatabaseUnavailable: what is then still in the outbox
    is published again.
    """
    waiting = oldest(connection, limit)
    if not waiting:
        return 0
    try:
        publisher.publish([row.message for row in waiting])
    except PublishFailed as failed:
        _remove(connection, [row for row in waiting if row.message.id in failed.confirmed])
        raise
    _remove(connection, waiting)
    return len(waiting)


def _remove(connection: Connection, confirmed: Sequence[Waiting]) -> None:
    if confirmed:
        remove(connection, [row.seq for row in confirmed])
    PUBLISHED.inc(len(confirmed))
    for row in confirmed:
        log.info("event.published", order=row.message.key, event_id=row.message.id)
