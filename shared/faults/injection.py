"""Injects the active faults into an effect."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from random import Random

import structlog

from shared.consuming.effect import Applied, Effect
from shared.errors import DependencyUnavailable, InjectedFailure
from shared.events import Event
from shared.faults.latency import parse_latency
from shared.faults.shapes import Kind
from shared.faults.store import Faults

log = structlog.get_logger()

BEFORE = "before"
AFTER = "after"


def die() -> None:
    """Crash this process at once, without any cleanup."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultInjector:
    """Delays, fails or crashes its callers according to the active faults."""

    def __init__(
        self,
        faults: Faults,
        *,
        rng: Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
        die: Callable[[], None] = die,
    ) -> None:
        self.faults = faults
        self.rng = rng or Random()
        self._sleep = sleep
        self._die = die

    def outage(self) -> str | None:
        """The reason for an outage; None if there is none."""
        return "an injected outage" if Kind.OUTAGE in self.faults.now() else None

    def crash(self, when: str) -> None:
        """Crash if a crash fault for `when` is active that no replica has taken yet."""
        fault = self.faults.now().get(Kind.CRASH)
        if fault and fault.value == when and self.faults.take(Kind.CRASH, when):
            log.warning("fault.crash", when=when)
            self._die()

    def delay(self) -> None:
        if fault := self.faults.now().get(Kind.LATENCY):
            self._sleep(parse_latency(fault.value).draw(self.rng))

    def fail(self, pieces: int = 1) -> None:
        """Raise InjectedFailure if at least one of `pieces` pieces of work should fail."""
        fault = self.faults.now().get(Kind.FAILURES)
        if fault and any(self.rng.random() < float(fault.value) for _ in range(pieces)):
            raise InjectedFailure(
                f"an injected failure, one of {float(fault.value):.0%} of all attempts"
            )


class FaultyEffect:
    """An effect with injected faults. An outage raises DependencyUnavailable."""

    def __init__(self, effect: Effect, injector: FaultInjector) -> None:
        self._effect = effect
        self.injector = injector

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        if reason := self.injector.outage():
            raise DependencyUnavailable("service", reason)
        self.injector.crash(BEFORE)
        self.injector.delay()
        self.injector.fail(len(events))
        applied = self._effect.apply(events, alone=alone)
        self.injector.crash(AFTER)
        return applied

    def given_up(self, event_id: str) -> None:
        self._effect.given_up(event_id)

    def record_the_rest(self) -> None:
        self._effect.record_the_rest()
