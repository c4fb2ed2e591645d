"""When a service was done with each order, read from what it lists at `/effects`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from orderctl.audit.evidence_client import EvidenceClient

#: A line of /effects that has a state is an effect only when it is done.
DONE = "done"


class _Line(msgspec.Struct, rename="camel"):
    order_id: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    state: str = DONE


#: By order id, when the last of a service's effects for it was done.
DoneAt = Mapping[str, datetime]


def read_done(service: EvidenceClient) -> DoneAt:
    """What a service has done so far. Raises EvidenceUnreadable."""
    done: dict[str, datetime] = {}
    for line in service.lines("/effects", _Line):
        if line.state == DONE:
            at = line.at.astimezone(UTC)
            done[line.order_id] = max(at, done.get(line.order_id, at))
    return done
