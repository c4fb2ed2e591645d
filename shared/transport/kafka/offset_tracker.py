"""Which offsets of a partition are finished without a gap. No Kafka in here, only numbers.

A log knows one number for each partition: where the next consumer goes on. Events that are
worked on at the same time end in any order, so that number may only grow as far as everything
before it has ended. What ended beyond the first that did not is remembered here, and is
delivered again should this process die.
"""

from collections import deque


class OffsetTracker:
    """The offsets in work during one assignment of one partition.

    A partition that goes and comes back gets a new tracker: what still ends in the old one says
    nothing about what the new one was given to do again.
    """

    def __init__(self) -> None:
        #: From the first that is not finished, in the order in which they were taken.
        self._taken: deque[int] = deque()
        self._unfinished: set[int] = set()
        #: Where the next consumer would go on; None until something is finished.
        self.position: int | None = None

    @property
    def unfinished(self) -> int:
        return len(self._unfinished)

    @property
    def width(self) -> int:
        """How many events would be delivered again, at most, if this process died now."""
        return len(self._taken)

    def take(self, offset: int) -> None:
        """Work on this offset begins. Offsets grow, though not always by one."""
        self._taken.append(offset)
        self._unfinished.add(offset)

    def pass_over(self, offset: int) -> None:
        """Up to this offset, nothing more is there to be taken."""
        if not self.holds(offset):
            self._taken.append(offset)
            self.finish(offset)

    def holds(self, offset: int) -> bool:
        return offset in self._unfinished

    def finish(self, offset: int) -> None:
        """Work on this offset has ended, whatever became of it."""
        self._unfinished.discard(offset)
        while self._taken and self._taken[0] not in self._unfinished:
            self.position = self._taken.popleft() + 1
