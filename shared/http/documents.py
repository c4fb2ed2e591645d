"""Reads JSON from outside: the body of a request, or another service's response."""

from typing import TypeVar

import msgspec

from shared.errors import DocumentError

T = TypeVar("T")


def read_document(content: bytes | str, kind: type[T]) -> T:
    """The document as a `kind`. Raises DocumentError for invalid content."""
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError as error:
        raise DocumentError("JSON is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        # Python raises a plain ValueError for invalid UTF-8 and for times out of range.
        raise DocumentError(str(error)) from error
