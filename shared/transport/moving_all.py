"""Moves all dead letters of a service, a part at a time, so that few are in memory."""

from collections.abc import Callable, Iterator, Sequence

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport import DeadLetter, PartlyMoved
from shared.transport.message import PART

#: Moves the oldest dead letters, so many at most, and returns those that went.
Move = Callable[[int], Sequence[DeadLetter]]


def in_parts(there: int, move: Move) -> Iterator[Sequence[DeadLetter]]:
    """Those that were there when they were counted: what comes meanwhile is younger, and stays.

    Raises PartlyMoved when it fails after some have gone, with those that were not yielded.
    """
    gone = 0
    while gone < there:
        try:
            part = move(min(PART, there - gone))
        except PartlyMoved as error:
            raise PartlyMoved(error.cause, error.moved, before=gone) from error
        except (BrokerUnavailable, PublishFailed) as error:
            if gone:
                raise PartlyMoved(error, [], before=gone) from error
            raise
        if not part:
            return
        gone += len(part)
        yield part
