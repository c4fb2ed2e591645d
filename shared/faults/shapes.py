"""The kinds of faults, and their JSON documents."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.openapi.fields import Amount, one_of

#: One day, so that a forgotten fault ends.
LONGEST_SECONDS = 86400


class Kind(StrEnum):
    #: Seconds before the work, as `parse_latency` reads them.
    LATENCY = "latency"
    #: The probability with which an attempt fails, 0 to 1.
    FAILURES = "failures"
    #: The HTTP interface responds with 503, and nothing is consumed.
    OUTAGE = "outage"
    #: The process that gets the next message crashes, `before` or `after` its effect. Once.
    CRASH = "crash"


class NewFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The faults to begin, for `seconds` or until they are cleared."""

    latency: Annotated[str, Meta(max_length=64)] | None = None
    failures: Annotated[float, Meta(ge=0, le=1)] | None = None
    outage: bool = False
    crash: Literal["before", "after"] | None = None
    seconds: Annotated[float, Meta(gt=0, le=LONGEST_SECONDS)] | None = None


class ActiveFault(msgspec.Struct, frozen=True, rename="camel"):
    """A fault, and the seconds until it ends; null if it lasts until it is cleared."""

    kind: Annotated[str, one_of(*Kind)]
    value: str
    seconds_left: Amount | None = None


class ActiveFaults(msgspec.Struct, frozen=True):
    faults: tuple[ActiveFault, ...]
