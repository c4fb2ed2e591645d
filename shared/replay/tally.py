"""Counts the events of a replay by outcome, and keeps the first failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.replay.shapes import FAILURES_NAMED, FailedEvent
from shared.transport import Stored

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Done:
    """Event ids by their outcome in a replay; `failed` maps them to reasons.

    An event in none of these is undecided: a dependency is down (`unavailable` is the reason), or
    another process holds its lease. `held`: seconds until the last such lease expires.
    """

    applied: frozenset[str] = frozenset()
    already: frozenset[str] = frozenset()
    rewritten: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    unavailable: str | None = None
    held: float = 0.0

    @property
    def decided(self) -> frozenset[str]:
        return self.applied | self.already | self.rewritten | self.failed.keys()

    def also(self, other: "Done") -> "Done":
        return Done(
            self.applied | other.applied,
            self.already | other.already,
            self.rewritten | other.rewritten,
            {**self.failed, **other.failed},
            self.unavailable or other.unavailable,
            max(self.held, other.held),
        )


class Tally(msgspec.Struct, rename="camel"):
    """`seen` is the sum of the other counts. For a dry run: the outcomes without one."""

    seen: int = 0
    applied: int = 0
    already_applied: int = 0
    rewritten: int = 0
    ignored: int = 0
    failed: int = 0
    failures: list[FailedEvent] = msgspec.field(default_factory=list)
    #: The position of the last event that was seen.
    position: str | None = None

    def saw(self, stored: Stored) -> None:
        self.seen += 1
        self.position = stored.position

    def ignore(self) -> None:
        self.ignored += 1

    def count(self, done: Done, batch: Sequence[Stored]) -> None:
        """Count a batch; an event that was published twice is in it twice, but applied once."""
        counted: set[str] = set()
        for stored in batch:
            event_id = stored.message.id
            if event_id in done.failed:
                self.fail(stored, done.failed[event_id])
            elif event_id in done.rewritten:
                self.rewritten += 1
            elif event_id in done.applied and event_id not in counted:
                self.applied += 1
            elif event_id in done.decided:
                self.already_applied += 1
            counted.add(event_id)

    def fail(self, stored: Stored, reason: str) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_NAMED:
            # A foreign id may contain any bytes, and PostgreSQL stores no NUL, even in JSON.
            event_id = ascii(stored.message.id)[1:-1][:100]
            shown = ascii(reason)[1:-1][:LONGEST_REASON]
            self.failures.append(FailedEvent(stored.position, event_id, shown))

    def document(self) -> Any:
        """As it is stored."""
        return msgspec.to_builtins(self)
