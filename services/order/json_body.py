"""Reads JSON exactly as it was sent: no number goes through a float, no key is dropped."""

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from services.order.errors import MalformedJson

#: No field takes an integer of more digits. Reading one costs the square of its length, which
#: is why Python itself refuses very long ones; a Decimal takes them as they come.
LONGEST_INTEGER = 20


def read_json(body: bytes) -> object:
    """Numbers with a fraction or an exponent become Decimal. Raises MalformedJson."""
    try:
        return _decoder.decode(body.decode("utf-8"))
    except RecursionError:
        raise MalformedJson("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise MalformedJson(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except UnicodeEncodeError:
        raise MalformedJson("a key holds one half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(str(error)) from None


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent that even Decimal cannot hold. It is JSON all the same, and so it is the
        # field that has to be refused, not the document.
        return Decimal("NaN")


def _constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not JSON")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A dict, as long as no key comes twice: parsers differ in which of the two they believe.

    Raises UnicodeEncodeError for a key that no text can name, not even a problem document.
    """
    members = dict(pairs)
    "".join(members).encode("utf-8")
    if len(members) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedJson(f"the key {twice!a} comes twice in one object")
    return members


_decoder = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
    object_pairs_hook=_object,
)
