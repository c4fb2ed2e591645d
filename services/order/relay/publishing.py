"""Publishes one batch from the outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.order.outbox import WaitingEvent, oldest, remove, set_aside, still_there
from shared.errors import PublishFailed
from shared.transport import Publisher

log = structlog.get_logger()

PUBLISHED = Counter("outbox_published", "Events confirmed by the broker.")

#: A row is at fault after this many refusals, each while the broker accepted a later row.
REFUSALS = 3


@dataclass(slots=True)
class Unfinished:
    """The state that a relay keeps between batches: at most one batch of rows."""

    #: Published and confirmed, but possibly still in the outbox.
    confirmed: Sequence[WaitingEvent] = ()
    refusals: Mapping[int, int] = field(default_factory=dict)

    def find_faulty(self, waiting: Sequence[WaitingEvent], failed: PublishFailed) -> dict[int, str]:
        """The rows that are themselves at fault, with the reason.

        If a queue is full or missing, the broker also refuses later rows, or reports that the
        refused rows are not to blame.
        """
        taken = [row.message.id in failed.confirmed for row in waiting]
        last = max((place for place, was_taken in enumerate(taken) if was_taken), default=-1)
        cleared = failed.confirmed | failed.blameless
        refused = {
            row.seq: place for place, row in enumerate(waiting) if row.message.id not in cleared
        }
        self.refusals = {
            seq: self.refusals.get(seq, 0) + (place < last) for seq, place in refused.items()
        }
        return {seq: str(failed) for seq, times in self.refusals.items() if times >= REFUSALS}


def publish_batch(
    connection: Connection, publisher: Publisher, unfinished: Unfinished, limit: int
) -> int:
    """Publish the oldest events and delete the confirmed ones; return their number.

    No transaction is open while waiting for the broker. After an error, the rows in the outbox
    are published again, except those that `unfinished` lists as confirmed.
    """
    _delete_left_over(connection, unfinished)
    waiting, unreadable = oldest(connection, limit)
    set_aside(connection, unreadable)
    if not waiting:
        return 0
    try:
        publisher.publish([row.message for row in waiting])
    except PublishFailed as failed:
        _settle_failed(connection, unfinished, waiting, failed)
        raise
    unfinished.confirmed, unfinished.refusals = waiting, {}
    _delete_confirmed(connection, unfinished)
    return len(waiting)


def _settle_failed(
    connection: Connection,
    unfinished: Unfinished,
    waiting: Sequence[WaitingEvent],
    failed: PublishFailed,
) -> None:
    unfinished.confirmed = [row for row in waiting if row.message.id in failed.confirmed]
    faulty = unfinished.find_faulty(waiting, failed)
    _delete_confirmed(connection, unfinished)
    set_aside(connection, faulty)


def _delete_left_over(connection: Connection, unfinished: Unfinished) -> None:
    if unfinished.confirmed:
        unfinished.confirmed = still_there(connection, unfinished.confirmed)
        _delete_confirmed(connection, unfinished)


def _delete_confirmed(connection: Connection, unfinished: Unfinished) -> None:
    confirmed = unfinished.confirmed
    if confirmed:
        remove(connection, [row.seq for row in confirmed])
    unfinished.confirmed = ()
    PUBLISHED.inc(len(confirmed))
    for row in confirmed:
        log.info("event.published", order=row.message.key, event_id=row.message.id)
