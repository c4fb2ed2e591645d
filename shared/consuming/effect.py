"""The interface that `settle` requires of a service: apply each event at most once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.events import Event


@dataclass(frozen=True, slots=True)
class Applied:
    """Event ids by result: applied now, applied before, or suspects to be handled alone."""

    now: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()


class Effect(Protocol):
    """The work that a service does for events, at most once for each."""

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        """Apply all events, or raise and apply none. `alone`: no other work is in progress."""

    def given_up(self, event_id: str) -> None:
        """The event was not applied: it was dead-lettered, or will be retried."""

    def record_the_rest(self) -> None:
        """Before a graceful shutdown: record effects that could not be recorded earlier, and that
        unfinished work did not crash the process. Raises DatabaseUnavailable.
        """
