"""Types of fields in JSON that more than one struct has."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
#: Also for seconds. JSON has no infinity.
Amount = Annotated[float, Meta(ge=0)]
#: RFC 3339, with a time zone.
Time = Annotated[datetime, Meta(tz=True)]
#: An id as its sender chose it: it is only shown here, so it need not be one of the contract.
AnyId = Annotated[str, Meta(max_length=64)]
