"""Combines acknowledgements into as few AMQP frames as possible."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ack:
    """`multiple` settles every delivery up to and including this one."""

    tag: int
    multiple: bool


class Acks:
    """Tracks the settled deliveries of one channel; the broker numbers them 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._oldest = 1
        #: Settled out of order: newer than the oldest unsettled delivery.
        self._ahead: set[int] = set()

    def coalesce(self, settled: Iterable[int]) -> list[Ack]:
        """The acknowledgements for these newly settled deliveries."""
        new = set(settled)
        run = self._advance(new)
        self._ahead |= new
        return run + [Ack(tag, multiple=False) for tag in sorted(new)]

    def _advance(self, new: set[int]) -> list[Ack]:
        """Move past all deliveries settled without a gap; remove those covered from `new`."""
        last = 0
        while self._oldest in new or self._oldest in self._ahead:
            if self._oldest in new:
                # Only an unacknowledged tag may be sent: for any other, RabbitMQ closes the
                # channel.
                last = self._oldest
                new.discard(last)
            self._ahead.discard(self._oldest)
            self._oldest += 1
        return [Ack(last, multiple=True)] if last else []
