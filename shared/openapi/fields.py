"""Field types that several JSON structs share."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
#: Also for seconds. JSON has no infinity.
Amount = Annotated[float, Meta(ge=0)]
#: RFC 3339, with a time zone.
Time = Annotated[datetime, Meta(tz=True)]
#: An id as its sender chose it: only shown, so it need not be valid in the contract.
AnyId = Annotated[str, Meta(max_length=64)]


def one_of(*values: str) -> Meta:
    """The values of a text that a response may have. For documents only: a client that decodes the
    response accepts a value that a newer service adds.
    """
    return Meta(extra_json_schema={"enum": list(values)})
