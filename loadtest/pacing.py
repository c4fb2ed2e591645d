"""When a user's tasks are due, and how many users there are."""

#: In a burst there are so many times as many users, for so many seconds.
BURST = 10
BURST_SECONDS = 5.0
#: A short run has a short burst, and a steady time before and after it.
LONGEST_SHARE = 0.2
BEGIN_SHARE = 0.4


class Schedule:
    """One task every `interval` seconds, whatever the last one took.

    A task that takes longer makes those after it late. They are sent as soon as it ends, one
    after the other, until the schedule is met again: none is left out, and each is late by what
    a customer who does not wait for others would have waited. Locust's constant_throughput leaves
    them out. `first` and `now` are seconds on the same clock.
    """

    def __init__(self, interval: float, first: float) -> None:
        self._interval = interval
        #: When the present task should have begun.
        self.due = first

    def next(self, now: float) -> float:
        """Go on to the next task; the seconds until it is due, 0 when that has passed."""
        self.due += self._interval
        return max(0.0, self.due - now)


def users_at(elapsed: float, *, users: int, seconds: float) -> int | None:
    """Steady, a burst, steady again, and None when the `seconds` of the run are over."""
    if elapsed >= seconds:
        return None
    begin = BEGIN_SHARE * seconds
    end = begin + min(BURST_SECONDS, LONGEST_SHARE * seconds)
    return users * BURST if begin <= elapsed < end else users
