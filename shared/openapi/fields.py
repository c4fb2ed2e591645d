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
