"""Which acknowledgements go on the wire: as few frames as say exactly what was settled."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ack:
    """`multiple` settles every delivery up to and including this one."""

    tag: int
    multiple: bool


class Acks:
    """Keeps account of one channel, whose broker numbers its deliveries 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._oldest = 1
        #: Settled out of turn: newer than the oldest delivery that is not settled.
        self._ahead: set[int] = set()

    def coalesce(self, settled: Iterable[int]) -> list[Ack]:
        """The acknowledgements for these deliveries, none of which was settled before."""
        new = set(settled)
        run = self._advance(new)
        self._ahead |= new
        return run + [Ack(tag, multiple=False) for tag in sorted(new)]

    def _advance(self, new: set[int]) -> list[Ack]:
        """Move past everything settled without a gap; takes out of `new` what this covers."""
        last = 0
        while self._oldest in new or self._oldest in self._ahead:
            if self._oldest in new:
                # Only a tag that is still open may be named; RabbitMQ closes the channel
                # for one that was acknowledged before.
                last = self._oldest
                new.discard(last)
            self._ahead.discard(self._oldest)
            self._oldest += 1
        return [Ack(last, multiple=True)] if last else []
