"""What `settle` asks of a service: apply events, each at most once, and say what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.events import Event


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of some events: applied now, applied before, or to be handled alone."""

    now: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()


class Effect(Protocol):
    """What a service does with events, at most once for each."""

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        """Apply all of them or raise, with none applied. `alone`: nothing else is in work."""

    def given_up(self, event_id: str) -> None:
        """The event ended without being applied: in the dead letter queue, or to be retried."""

    def record_the_rest(self) -> None:
        """Before an orderly end: write down what was done and could not be recorded, and that
        what is still in work killed nobody. Raises DatabaseUnavailable.
        """
