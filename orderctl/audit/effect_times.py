"""Reads from a service's `/effects` when it finished each order."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from orderctl.audit.evidence_client import EvidenceClient

#: A line of /effects with another state is not an effect yet.
DONE = "done"


class _Line(msgspec.Struct, rename="camel"):
    order_id: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    state: str = DONE


#: The time of a service's last effect, by order id.
DoneAt = Mapping[str, datetime]


def read_done(service: EvidenceClient) -> DoneAt:
    """The orders that a service has finished so far. Raises EvidenceUnreadable."""
    done: dict[str, datetime] = {}
    for line in service.lines("/effects", _Line):
        if line.state == DONE:
            at = line.at.astimezone(UTC)
            done[line.order_id] = max(at, done.get(line.order_id, at))
    return done
