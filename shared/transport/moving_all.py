"""Moves all dead letters of a service in parts, so that only a few are in memory."""

from collections.abc import Callable, Iterator, Sequence

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport import DeadLetter, PartlyMoved
from shared.transport.message import PART

#: Moves the oldest dead letters, at most the given number, and returns them.
Move = Callable[[int], Sequence[DeadLetter]]


def in_parts(there: int, move: Move) -> Iterator[Sequence[DeadLetter]]:
    """Move `there` dead letters, the number counted before: newer ones stay. Yields each part.

    Raises PartlyMoved when it fails after moving some, with those that were not yielded.
    """
    moved = 0
    while moved < there:
        try:
            part = move(min(PART, there - moved))
        except PartlyMoved as error:
            raise PartlyMoved(error.cause, error.moved, before=moved) from error
        except (BrokerUnavailable, PublishFailed) as error:
            if moved:
                raise PartlyMoved(error, [], before=moved) from error
            raise
        if not part:
            return
        moved += len(part)
        yield part
