"""Waits until nothing moves any more: only then is what is missing lost."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orderctl.output import count
from orderctl.progress import Tell, silent
from shared.errors import PipelineError
from shared.transport import Depth

#: How long nothing may move, in seconds, past the longest rung in use.
QUIET_SECONDS = 5.0
#: How long to wait for that, in seconds.
TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class BacklogSnapshot:
    """Where messages are at one moment.

    `unsettled`: what each consumer holds, and None for one that does not run: what it held is
    the broker's again. `running`: orders that are being done by calls. `troubles`: what is known
    about why something does not move.
    """

    outbox: int
    depths: Mapping[str, Depth]
    unsettled: Mapping[str, int | None]
    newest_order: str | None = None
    troubles: Sequence[str] = ()
    running: int = 0

    def moving(self) -> tuple[str, ...]:
        """A line for everything that is not at rest; nothing when all is."""
        lines = [f"{count(self.outbox, 'order')} in the outbox"] if self.outbox else []
        if self.running:
            lines.append(f"{count(self.running, 'order')} being done by calls")
        for service, depth in self.depths.items():
            parts = {
                "ready": depth.ready,
                "waiting for a retry": depth.retrying,
                "in the consumer's hands": self.unsettled.get(service) or 0,
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
    """How the wait ended. `reasons`: what kept it from being reached, a line each."""

    reached: bool
    waited: float
    reasons: tuple[str, ...]
    last: BacklogSnapshot


class QuietTime:
    """Measures for how long nothing has moved.

    `seconds` is how long that has to be; None means QUIET_SECONDS, past the longest rung once
    something was seen on the ladder: on its way from a rung to its queue, a broker shows a
    message nowhere.
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
        """Take note; None stands for a moment in which nobody could tell."""
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
    look: Callable[[], BacklogSnapshot],
    quiet_time: QuietTime,
    *,
    timeout: float,
    is_enough: Callable[[], bool] = lambda: False,
    tell: Tell = silent,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Quiet:
    """Look again and again. Raises what the first look raises: nothing is there to wait for.

    `is_enough` is asked after each look, and ends the wait before it is quiet.
    """
    began = clock()
    last, trouble = look(), ""
    quiet_time.watch(last, clock())
    while not (is_enough() or quiet_time.reached(clock())) and clock() - began < timeout:
        tell(_progress(quiet_time, clock(), trouble or "; ".join(last.moving())))
        sleep(min(POLL_SECONDS, timeout))
        try:
            last, trouble = look(), ""
            quiet_time.watch(last, clock())
        except PipelineError as error:
            trouble = str(error)
            quiet_time.watch(None, clock())
    reached = quiet_time.reached(clock())
    reasons = () if reached else _reasons(quiet_time, clock(), last, trouble)
    return Quiet(reached, clock() - began, reasons, last)


def _progress(quiet_time: QuietTime, now: float, moving: str) -> str:
    if moving:
        return f"waiting for quiet: {moving}"
    return f"quiet for {quiet_time.lasted(now):.0f} of {quiet_time.needed:.0f} s"


def _reasons(
    quiet_time: QuietTime, now: float, last: BacklogSnapshot, trouble: str
) -> tuple[str, ...]:
    if trouble:
        return tuple(trouble.splitlines())
    if last.moving():
        return (*last.moving(), *last.troubles)
    lasted, needed = quiet_time.lasted(now), quiet_time.needed
    return (f"nothing moved for {lasted:.1f} s, of the {needed:g} s that it takes to be sure",)
