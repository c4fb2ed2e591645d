"""JSON that somebody else wrote: the body of a request, another service's answer."""

from typing import TypeVar

import msgspec

from shared.errors import DocumentError

T = TypeVar("T")


def read_document(content: bytes | str, kind: type[T]) -> T:
    """The document as a `kind`. Raises DocumentError for whatever bytes are none."""
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError as error:
        raise DocumentError("JSON is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        # A ValueError that is not msgspec's own is Python's, for bytes that are no UTF-8 and for
        # times that a calendar does not have.
        raise DocumentError(str(error)) from error
