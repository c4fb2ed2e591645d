"""What the embedded broker no longer keeps: messages that are old, and in no queue."""

import sqlite3
from collections.abc import Callable

from shared.transport.embedded import sql

#: Seconds for which a message is kept at least: longer, while a queue or a dead letter holds it.
RETENTION = 7 * 24 * 3600.0
#: Seconds between two searches of one publisher for messages that are older than that.
TIDY_EVERY = 60.0
#: So many go in one transaction, that of a publisher.
TIDY_BATCH = 1_000

Clock = Callable[[], float]


class Tidier:
    """Removes expired messages in somebody else's transactions, a bounded number in each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0

    def tidy(self, file: sqlite3.Connection) -> None:
        now = self._clock()
        if now < self._next:
            return
        removed = file.execute(sql.REMOVE_EXPIRED, (now - RETENTION, TIDY_BATCH)).rowcount
        # A full batch means that there is more: it goes with the next publishing.
        self._next = now if removed == TIDY_BATCH else now + TIDY_EVERY
