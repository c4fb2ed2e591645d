"""How long a replay waits for the undecided events of one batch."""

from shared.errors import DependencyUnavailable
from shared.replay.tally import Done

#: Seconds for which a replay waits for a dependency, and seconds between two attempts.
PATIENCE = 60.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


class Patience:
    """Computes the pauses between attempts, and ends them after PATIENCE seconds.

    A lease of another process, dead or alive, has a known end: waiting for it does not count
    against the patience. Waiting for a lease that is taken after that end does.
    """

    def __init__(self) -> None:
        self._waited = 0.0
        self._pause = FIRST_PAUSE
        #: Seconds until the first lease that was met expires; None before that.
        self._lease: float | None = None

    def next_pause(self, done: Done) -> float:
        """Seconds until the next attempt. Raises DependencyUnavailable when patience runs out."""
        if self._lease is None and done.held:
            self._lease = done.held
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        if self._lease and done.held and done.unavailable is None:
            self._lease = max(0.0, self._lease - pause)
            return pause
        if self._waited >= PATIENCE:
            raise DependencyUnavailable("a dependency of the replay", _why(done, self._waited))
        self._waited += pause
        return pause


def _why(done: Done, waited: float) -> str:
    held = f"another process holds a lease for {done.held:.1f} s more" if done.held else None
    return f"{done.unavailable or held or 'no reason was given'}, for {waited:.0f} s"
