"""The response of a process to /health/ready."""

from collections.abc import Sequence

import msgspec


class Health(msgspec.Struct, rename="camel"):
    """The response to /health/ready; a field that a service does not send keeps its default.

    `unsettled`: deliveries in flight in a consumer. The relay reports the rest: `pending` outbox
    rows, the age of the oldest in seconds, and the number of rows that were set aside.
    """

    ready: bool
    reason: str | None = None
    unsettled: int = 0
    pending: int = 0
    oldest_age_seconds: float | None = None
    set_aside: int | None = 0


def together(processes: Sequence[Health]) -> Health | None:
    """The combined health of all processes behind one address; None if there is no process."""
    if not processes:
        return None
    waiting = [each for each in processes if not each.ready]
    reason = waiting[0].reason if waiting else None
    return Health(not waiting, reason, sum(each.unsettled for each in processes))
