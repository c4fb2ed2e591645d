"""Parses JSON exactly: numbers are not converted to floats, and no key is dropped."""

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from services.order.errors import MalformedJson

#: No field allows an integer of more digits. Parsing an int takes time quadratic in its length,
#: and Python refuses very long ones; Decimal has neither problem.
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
        raise MalformedJson("a key contains half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(str(error)) from None


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # The exponent is too large even for Decimal. The document is still valid JSON, so the
        # field must be refused and not the document.
        return Decimal("NaN")


def _constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not JSON")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A dict. Raises MalformedJson for a duplicate key: parsers differ in which value they use.

    Raises UnicodeEncodeError for a key that cannot be encoded, not even in a problem document.
    """
    members = dict(pairs)
    "".join(members).encode("utf-8")
    if len(members) < len(pairs):
        [(duplicate, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedJson(f"duplicate key {duplicate!a} in one object")
    return members


_decoder = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
    object_pairs_hook=_object,
)
