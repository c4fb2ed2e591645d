"""How long a replay waits for the events of one batch that could not be decided yet."""

from shared.errors import DependencyUnavailable
from shared.replay.tally import Done

#: Seconds for which a replay waits for what is unavailable, and between two tries.
PATIENCE = 60.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


class Patience:
    """A lease that another process holds, or held when it died, has a known end: the time up to
    that end is waited for in any case, and uses no patience. A lease that is taken anew after
    that end does.
    """

    def __init__(self) -> None:
        self._waited = 0.0
        self._pause = FIRST_PAUSE
        #: Seconds until the end of the lease that was met first; None before there was one.
        self._lease: float | None = None

    def next_pause(self, done: Done) -> float:
        """Seconds until the next try. Raises DependencyUnavailable when patience is over."""
        if self._lease is None and done.held:
            self._lease = done.held
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        if self._lease and done.held and done.away is None:
            self._lease = max(0.0, self._lease - pause)
            return pause
        if self._waited >= PATIENCE:
            raise DependencyUnavailable("what the replay needs", _why(done, self._waited))
        self._waited += pause
        return pause


def _why(done: Done, waited: float) -> str:
    held = f"another process holds a lease for {done.held:.1f} s more" if done.held else None
    return f"{done.away or held or 'it does not say'}, for {waited:.0f} s"
