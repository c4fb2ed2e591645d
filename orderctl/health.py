"""What a process says of itself at /health/ready."""

from collections.abc import Sequence

import msgspec


class Health(msgspec.Struct, rename="camel"):
    """The answer to /health/ready; what a service does not have keeps its default.

    `unsettled`: deliveries that a consumer holds. The rest is the relay's: rows of the outbox that
    are `pending`, the age of the oldest, and how many were set aside.
    """

    ready: bool
    reason: str | None = None
    unsettled: int = 0
    pending: int = 0
    oldest_age_seconds: float | None = None
    set_aside: int | None = 0


def together(processes: Sequence[Health]) -> Health | None:
    """What all processes behind one address hold, and whether they are ready; None: no process."""
    if not processes:
        return None
    waiting = [each for each in processes if not each.ready]
    reason = waiting[0].reason if waiting else None
    return Health(not waiting, reason, sum(each.unsettled for each in processes))
