"""An effect with the faults that were asked for around it."""

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
from shared.faults.store import Faults, Kind

log = structlog.get_logger()

BEFORE = "before"
AFTER = "after"


def die() -> None:
    """As a process dies: at once, with nothing put in order."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultInjector:
    """Makes whatever calls it slow, failing or dead, as the faults say."""

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
        """Why nothing goes on, None when it does."""
        return "an outage, asked for as a fault" if Kind.OUTAGE in self.faults.now() else None

    def crash(self, when: str) -> None:
        """Die, if that was asked for at this moment, and no replica has done so yet."""
        fault = self.faults.now().get(Kind.CRASH)
        if fault and fault.value == when and self.faults.take(Kind.CRASH, when):
            log.warning("fault.crash", when=when)
            self._die()

    def delay(self) -> None:
        if fault := self.faults.now().get(Kind.LATENCY):
            self._sleep(parse_latency(fault.value).draw(self.rng))

    def fail(self, pieces: int = 1) -> None:
        """Raise InjectedFailure when one of so many pieces of work is to fail."""
        fault = self.faults.now().get(Kind.FAILURES)
        if fault and any(self.rng.random() < float(fault.value) for _ in range(pieces)):
            raise InjectedFailure(
                f"one of {float(fault.value):.0%} that fail, asked for as a fault"
            )


class FaultyEffect:
    """The same effect, with faults injected.

    An outage is told like that of anything else that is away."""

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
