"""The Idempotency-Key header, with which a client can safely send an order again.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re

import msgspec

from services.order.errors import InvalidKey
from services.order.modes import Mode
from services.order.order_form import NewOrder

LONGEST_KEY = 255

#: A string of RFC 9651 (structured fields): quoted, with \" and \\ for the two special ones.
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
#: Also accepted, from clients that omit the quotes. No comma: a header that was sent twice
#: arrives as one value, joined by a comma.
_UNQUOTED = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_ESCAPED = re.compile(r'\\(["\\])')

_encoder = msgspec.json.Encoder(decimal_format="number")


def read_key(header: str | None) -> str | None:
    """The key in the header's value; None without a header. Raises InvalidKey."""
    if header is None:
        return None
    text = header.strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else text
    if not 1 <= len(key) <= LONGEST_KEY or not (quoted or _UNQUOTED.fullmatch(text)):
        raise InvalidKey(f'takes 1 to {LONGEST_KEY} printable ASCII characters in quotes: "…"')
    return key


def scoped(key: str, user_id: str) -> str:
    """The stored form of a key, unique per user: other users may use the same key."""
    return hashlib.sha256(f"{user_id}\n{key}".encode()).hexdigest()


def fingerprint(order: NewOrder, mode: Mode = Mode.ASYNC) -> str:
    """A digest of the order and its mode, regardless of the formatting of its JSON."""
    # The mode async adds nothing: earlier versions had no modes, and a request that is repeated
    # after an update must still be recognised.
    suffix = () if mode is Mode.ASYNC else (mode,)
    return hashlib.sha256(_encoder.encode((order.user_id, order.items, *suffix))).hexdigest()
