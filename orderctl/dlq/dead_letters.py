"""The operator's actions on dead letters, on any broker."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from orderctl.errors import CommandError, UsageError
from orderctl.output import command
from shared.transport import Broker, DeadLetter, DeadLetters
from shared.transport.moving_all import in_parts

#: The most letters that are sorted in memory, oldest first.
SORTED = 1000
#: Batches of dead letters, each yielded as soon as it has been moved.
Batches = Iterable[Sequence[DeadLetter]]


@dataclass(frozen=True)
class Dlq:
    """The dead letter queues of the configured services."""

    broker: Broker
    services: Sequence[str]

    def count(self, service: str) -> int:
        return self._letters(service).count()

    def browse(self, service: str, limit: int) -> Iterator[DeadLetter]:
        """The oldest first, or in the broker's own order if `limit` is above SORTED."""
        letters = self._letters(service)
        if limit <= SORTED:
            yield from letters.browse(limit)
            return
        with closing(letters.scan()) as found:
            yield from islice(found, limit)

    def find(self, service: str, handle: str) -> DeadLetter:
        """The oldest dead letter with this handle. Raises CommandError if there is none."""
        with closing(self._letters(service).scan()) as letters:
            found = (letter for letter in letters if letter.handle == handle)
            oldest = min(found, key=attrgetter("at"), default=None)
        if oldest is None:
            raise _unknown(service, {handle})
        return oldest

    def redrive(self, service: str, handles: Collection[str] | None) -> Batches:
        """Move letters (None: all) back to the work queue as new events.

        Raises CommandError, and moves none, if a handle is unknown.
        """
        letters = self._letters(service)
        if handles is None:
            return in_parts(letters.count(), lambda most: letters.redrive(most=most))
        self._expect_known(service, set(handles))
        return _at_once(lambda: letters.redrive(handles))

    def discard(self, service: str, handles: Collection[str] | None) -> Batches:
        """Remove letters (None: all) for good.

        Raises CommandError, and removes none, if a handle is unknown.
        """
        letters = self._letters(service)
        if handles is None:
            return in_parts(letters.count(), lambda most: letters.discard(most=most))
        self._expect_known(service, set(handles))
        return _at_once(lambda: letters.discard(handles))

    def _expect_known(self, service: str, handles: set[str]) -> None:
        unknown = set(handles)
        with closing(self._letters(service).scan()) as letters:
            for letter in letters:
                unknown.discard(letter.handle)
                if not unknown:
                    return
        raise _unknown(service, unknown)

    def _letters(self, service: str) -> DeadLetters:
        if service not in self.services:
            raise UsageError(
                f"{service} is not a consumer: choose one of {', '.join(self.services)} (the "
                f"setting CONSUMERS), or set {service.upper().replace('-', '_')}_URL to the "
                "address of your own service."
            )
        return self.broker.dead_letters(service)


def _at_once(move: Callable[[], Sequence[DeadLetter]]) -> Iterator[Sequence[DeadLetter]]:
    yield move()


def _unknown(service: str, handles: Collection[str]) -> CommandError:
    return CommandError(
        f"{service} has no dead letter {', '.join(sorted(handles))}, so nothing was changed. "
        f"To list the dead letters: {command(f'dlq list {service}')}"
    )
