"""What the operator does with dead letters, on any broker."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from orderctl.errors import CommandError, UsageError
from orderctl.output import command
from shared.transport import Broker, DeadLetter, DeadLetters

#: More dead letters than anybody should have; so many are looked through for a handle.
MOST = 100_000


@dataclass(frozen=True)
class Dlq:
    """The dead letter queues of the services that are configured."""

    broker: Broker
    services: Sequence[str]

    def browse(self, service: str, limit: int = MOST) -> Sequence[DeadLetter]:
        return self._letters(service).browse(limit)

    def find(self, service: str, handle: str) -> DeadLetter:
        """The oldest dead letter of that name. Raises CommandError."""
        self._expect_known(service, {handle})
        return next(letter for letter in self.browse(service) if letter.handle == handle)

    def redrive(self, service: str, handles: Collection[str] | None) -> Sequence[DeadLetter]:
        """Back to the work queue, as new. None: all. Raises CommandError; then nothing went."""
        return self._take(service, handles, self._letters(service).redrive)

    def discard(self, service: str, handles: Collection[str] | None) -> Sequence[DeadLetter]:
        """Away for good. None: all. Raises CommandError, and then nothing went."""
        return self._take(service, handles, self._letters(service).discard)

    def _take(
        self,
        service: str,
        handles: Collection[str] | None,
        take: Callable[[Collection[str] | None], Sequence[DeadLetter]],
    ) -> Sequence[DeadLetter]:
        if handles is not None:
            self._expect_known(service, set(handles))
        return take(handles)

    def _expect_known(self, service: str, handles: set[str]) -> None:
        unknown = handles - {letter.handle for letter in self.browse(service)}
        if unknown:
            raise CommandError(
                f"{service} has no dead letter {', '.join(sorted(unknown))}, and nothing was "
                f"done: {command(f'dlq list {service}')} shows what is there."
            )

    def _letters(self, service: str) -> DeadLetters:
        if service not in self.services:
            raise UsageError(
                f"{service} is not a consumer: name one of {', '.join(self.services)} "
                "(the setting CONSUMERS)."
            )
        return self.broker.dead_letters(service)
