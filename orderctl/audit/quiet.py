"""Waits until the system is quiet, since only then is a missing effect lost."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orderctl.output import count
from orderctl.progress import Tell, silent
from shared.errors import PipelineError
from shared.transport import Depth

#: The required quiet time in seconds, to which the longest rung in use is added.
QUIET_SECONDS = 5.0
#: How long to wait for it, in seconds.
TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class BacklogSnapshot:
    """Where messages are at one moment.

    `unsettled`: each consumer's deliveries in flight; None if it is not running, since the broker
    then has them again. `running`: synchronous orders in progress. `problems`: known reasons why
    messages do not move.
    """

    outbox: int
    depths: Mapping[str, Depth]
    unsettled: Mapping[str, int | None]
    newest_order: str | None = None
    problems: Sequence[str] = ()
    running: int = 0

    def moving(self) -> tuple[str, ...]:
        """One line for each kind of activity; empty if there is none."""
        lines = [f"{count(self.outbox, 'order')} in the outbox"] if self.outbox else []
        if self.running:
            lines.append(f"{count(self.running, 'synchronous order')} in progress")
        for service, depth in self.depths.items():
            parts = {
                "ready": depth.ready,
                "waiting for a retry": depth.retrying,
                "in flight": self.unsettled.get(service) or 0,
            }
            lines += [f"{service}: {number} {what}" for what, number in parts.items() if number]
        return tuple(lines)

    @property
    def uses_ladder(self) -> bool:
        return any(depth.retrying for depth in self.depths.values())

    @property
    def not_running(self) -> tuple[str, ...]:
        return tuple(name for name, held in self.unsettled.items() if held is None)


@dataclass(frozen=True)
class Quiet:
    """How the wait ended. `reasons`: why quiet was not reached, one line each."""

    reached: bool
    waited: float
    reasons: tuple[str, ...]
    last: BacklogSnapshot


class QuietTime:
    """Measures how long nothing has moved.

    `seconds`: the required time. None: QUIET_SECONDS, plus the longest rung once a message was
    seen on the ladder, because a broker shows a message nowhere while it moves from a rung to
    its queue.
    """

    def __init__(self, seconds: float | None, ladder: Sequence[float]) -> None:
        self._seconds = seconds
        self._longest_rung = max(ladder)
        self._ladder_used = False
        self._since: float | None = None
        self._newest: str | None = None

    @property
    def needed(self) -> float:
        if self._seconds is not None:
            return self._seconds
        return QUIET_SECONDS + (self._longest_rung if self._ladder_used else 0.0)

    def watch(self, snapshot: BacklogSnapshot | None, now: float) -> None:
        """Record a snapshot; None if it could not be taken."""
        self._ladder_used |= snapshot is not None and snapshot.uses_ladder
        if snapshot is None or snapshot.moving() or snapshot.newest_order != self._newest:
            self._since = None
        self._newest = snapshot.newest_order if snapshot else None
        if self._since is None and snapshot and not snapshot.moving():
            self._since = now

    def lasted(self, now: float) -> float:
        return 0.0 if self._since is None else now - self._since

    def reached(self, now: float) -> bool:
        return self._since is not None and self.lasted(now) >= self.needed


def wait_until_quiet(
    probe: Callable[[], BacklogSnapshot],
    quiet_time: QuietTime,
    *,
    timeout: float,
    is_enough: Callable[[], bool] = lambda: False,
    tell: Tell = silent,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Quiet:
    """Probe until quiet or the timeout. Raises an error of the first probe only.

    `is_enough`, called after each probe, ends the wait early.
    """
    began = clock()
    last, problem = probe(), ""
    quiet_time.watch(last, clock())
    while not (is_enough() or quiet_time.reached(clock())) and clock() - began < timeout:
        tell(_progress(quiet_time, clock(), problem or "; ".join(last.moving())))
        sleep(min(POLL_SECONDS, timeout))
        try:
            last, problem = probe(), ""
            quiet_time.watch(last, clock())
        except PipelineError as error:
            problem = str(error)
            quiet_time.watch(None, clock())
    reached = quiet_time.reached(clock())
    reasons = () if reached else _reasons(quiet_time, clock(), last, problem)
    return Quiet(reached, clock() - began, reasons, last)


def _progress(quiet_time: QuietTime, now: float, moving: str) -> str:
    if moving:
        return f"waiting for quiet: {moving}"
    return f"quiet for {quiet_time.lasted(now):.0f} of {quiet_time.needed:.0f} s"


def _reasons(
    quiet_time: QuietTime, now: float, last: BacklogSnapshot, problem: str
) -> tuple[str, ...]:
    if problem:
        return tuple(problem.splitlines())
    if last.moving():
        return (*last.moving(), *last.problems)
    lasted, needed = quiet_time.lasted(now), quiet_time.needed
    return (f"quiet for {lasted:.1f} s, but {needed:g} s are needed to be sure",)
