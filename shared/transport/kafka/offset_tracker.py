"""Tracks which offsets of a partition are finished without a gap. Pure logic, no Kafka client.

A log stores one number per partition: the offset at which the next consumer continues. Events
that are processed concurrently end in any order, so this offset may only advance while everything
before it has ended. Offsets that ended after the first unfinished one are remembered here, and
are redelivered if this process crashes.
"""

from collections import deque


class OffsetTracker:
    """The offsets in progress during one assignment of one partition.

    A partition that is revoked and assigned again gets a new tracker: work that ends in the old
    one does not count for redeliveries in the new one.
    """

    def __init__(self) -> None:
        #: From the first unfinished offset on, in the order in which they were taken.
        self._taken: deque[int] = deque()
        self._unfinished: set[int] = set()
        #: The offset at which the next consumer would continue; None until one is finished.
        self.position: int | None = None

    @property
    def unfinished(self) -> int:
        return len(self._unfinished)

    @property
    def width(self) -> int:
        """The most events that would be redelivered if this process crashed now."""
        return len(self._taken)

    def take(self, offset: int) -> None:
        """Work on this offset begins. Offsets increase, but not always by one."""
        self._taken.append(offset)
        self._unfinished.add(offset)

    def pass_over(self, offset: int) -> None:
        """There are no more records to take up to this offset."""
        if not self.holds(offset):
            self._taken.append(offset)
            self.finish(offset)

    def holds(self, offset: int) -> bool:
        return offset in self._unfinished

    def finish(self, offset: int) -> None:
        """Work on this offset has ended, with any outcome."""
        self._unfinished.discard(offset)
        while self._taken and self._taken[0] not in self._unfinished:
            self.position = self._taken.popleft() + 1
