"""The schedule of a user's tasks, and the number of users over time."""

#: The factor of users during a burst, and its duration.
BURST = 10
BURST_SECONDS = 5.0
#: The longest burst and its start, as shares of the run.
LONGEST_SHARE = 0.2
BEGIN_SHARE = 0.4


class Schedule:
    """One task every `interval` seconds, whatever the previous one took.

    After a task that takes longer, the late ones are sent one after another until the schedule is
    met again. None is skipped, unlike with Locust's constant_throughput, and each is as late as
    an independent customer would have waited. `first` and `now` are seconds on the same clock.
    """

    def __init__(self, interval: float, first: float) -> None:
        self._interval = interval
        #: When the current task should have begun.
        self.due = first

    def next(self, now: float) -> float:
        """Advance to the next task; return the seconds until it is due, 0 if it is late."""
        self.due += self._interval
        return max(0.0, self.due - now)


def users_at(elapsed: float, *, users: int, seconds: float) -> int | None:
    """The number of users: steady, a burst, steady again; None after the end of the run."""
    if elapsed >= seconds:
        return None
    begin = BEGIN_SHARE * seconds
    end = begin + min(BURST_SECONDS, LONGEST_SHARE * seconds)
    return users * BURST if begin <= elapsed < end else users
