"""Deletes messages of the embedded broker that are old and in no queue."""

import sqlite3
from collections.abc import Callable

from shared.transport.embedded import sql

#: The fewest seconds for which a message is kept; it stays longer while it is in a queue.
RETENTION = 7 * 24 * 3600.0
#: Seconds between two searches for expired messages by one publisher.
TIDY_EVERY = 60.0
#: The most messages deleted in one of the publisher's transactions.
TIDY_BATCH = 1_000

Clock = Callable[[], float]


class Tidier:
    """Deletes expired messages in the publisher's transactions, a bounded number in each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0

    def tidy(self, file: sqlite3.Connection) -> None:
        now = self._clock()
        if now < self._next:
            return
        removed = file.execute(sql.REMOVE_EXPIRED, (now - RETENTION, TIDY_BATCH)).rowcount
        # A full batch means that there may be more: delete them with the next publish.
        self._next = now if removed == TIDY_BATCH else now + TIDY_EVERY
