"""What the operator does with dead letters, on any broker."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from orderctl.errors import CommandError, UsageError
from orderctl.output import command
from shared.transport import Broker, DeadLetter, DeadLetters
from shared.transport.moving_all import in_parts

#: Letters that are held in memory, to be shown in the order in which they were given up.
SORTED = 1000
#: Parts of what went, each as soon as it has gone.
Gone = Iterable[Sequence[DeadLetter]]


@dataclass(frozen=True)
class Dlq:
    """The dead letter queues of the services that are configured."""

    broker: Broker
    services: Sequence[str]

    def count(self, service: str) -> int:
        return self._letters(service).count()

    def look(self, service: str, limit: int) -> Iterator[DeadLetter]:
        """The oldest first; where more are asked for than SORTED, in the broker's own order."""
        letters = self._letters(service)
        if limit <= SORTED:
            yield from letters.browse(limit)
            return
        with closing(letters.scan()) as found:
            yield from islice(found, limit)

    def find(self, service: str, handle: str) -> DeadLetter:
        """The oldest dead letter of that name. Raises CommandError."""
        with closing(self._letters(service).scan()) as letters:
            found = (letter for letter in letters if letter.handle == handle)
            oldest = min(found, key=attrgetter("at"), default=None)
        if oldest is None:
            raise _unknown(service, {handle})
        return oldest

    def redrive(self, service: str, handles: Collection[str] | None) -> Gone:
        """Back to the work queue, as new. None: all. Raises CommandError; then nothing went."""
        letters = self._letters(service)
        if handles is None:
            return in_parts(letters.count(), lambda most: letters.redrive(most=most))
        self._expect_known(service, set(handles))
        return _at_once(lambda: letters.redrive(handles))

    def discard(self, service: str, handles: Collection[str] | None) -> Gone:
        """Away for good. None: all. Raises CommandError, and then nothing went."""
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
                f"{service} is not a consumer: name one of {', '.join(self.services)} "
                "(the setting CONSUMERS)."
            )
        return self.broker.dead_letters(service)


def _at_once(move: Callable[[], Sequence[DeadLetter]]) -> Iterator[Sequence[DeadLetter]]:
    yield move()


def _unknown(service: str, handles: Collection[str]) -> CommandError:
    return CommandError(
        f"{service} has no dead letter {', '.join(sorted(handles))}, and nothing was "
        f"done: {command(f'dlq list {service}')} shows what is there."
    )
