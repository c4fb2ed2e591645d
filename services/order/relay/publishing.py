"""Takes one batch from the outbox to the broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.order.outbox import WaitingEvent, oldest, remove, set_aside, still_there
from shared.errors import PublishFailed
from shared.transport import Publisher

log = structlog.get_logger()

PUBLISHED = Counter("outbox_published", "Events that the broker has confirmed.")

#: A row that the broker refuses so often, each time taking one that came after it, is at fault.
REFUSALS = 3


@dataclass(slots=True)
class Unfinished:
    """What a relay remembers from one batch to the next: no more than one batch of rows."""

    #: Published and confirmed, and perhaps still in the outbox.
    confirmed: Sequence[WaitingEvent] = ()
    refusals: Mapping[int, int] = field(default_factory=dict)

    def judge(self, waiting: Sequence[WaitingEvent], failed: PublishFailed) -> dict[int, str]:
        """The rows that are themselves at fault, and why.

        When a queue is full or missing, the broker refuses what comes later as well, or says
        that it is not for their own sake.
        """
        taken = [row.message.id in failed.confirmed for row in waiting]
        last = max((place for place, was_taken in enumerate(taken) if was_taken), default=-1)
        innocent = failed.confirmed | failed.blameless
        refused = {
            row.seq: place for place, row in enumerate(waiting) if row.message.id not in innocent
        }
        self.refusals = {
            seq: self.refusals.get(seq, 0) + (place < last) for seq, place in refused.items()
        }
        return {seq: str(failed) for seq, times in self.refusals.items() if times >= REFUSALS}


def publish_batch(
    connection: Connection, publisher: Publisher, unfinished: Unfinished, limit: int
) -> int:
    """Publish the oldest events and delete those that were confirmed; return their number.

    No transaction is open while the broker is waited for. After an error, what is in the outbox
    is published again, except for what `unfinished` knows as confirmed.
    """
    _delete_left_over(connection, unfinished)
    waiting, unreadable = oldest(connection, limit)
    set_aside(connection, unreadable)
    if not waiting:
        return 0
    try:
        publisher.publish([row.message for row in waiting])
    except PublishFailed as failed:
        _tidy_up(connection, unfinished, waiting, failed)
        raise
    unfinished.confirmed, unfinished.refusals = waiting, {}
    _delete_confirmed(connection, unfinished)
    return len(waiting)


def _tidy_up(
    connection: Connection,
    unfinished: Unfinished,
    waiting: Sequence[WaitingEvent],
    failed: PublishFailed,
) -> None:
    unfinished.confirmed = [row for row in waiting if row.message.id in failed.confirmed]
    guilty = unfinished.judge(waiting, failed)
    _delete_confirmed(connection, unfinished)
    set_aside(connection, guilty)


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
