"""The Idempotency-Key header: by it a client may send an order again without placing two.

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
#: What clients send that do not know about the quotes. No comma: a header that was sent twice
#: arrives as one with a comma in between.
_UNQUOTED = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_ESCAPED = re.compile(r'\\(["\\])')

_encoder = msgspec.json.Encoder(decimal_format="number")


def read_key(header: str | None) -> str | None:
    """The key in the header's value, None where there is no header. Raises InvalidKey."""
    if header is None:
        return None
    text = header.strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else text
    if not 1 <= len(key) <= LONGEST_KEY or not (quoted or _UNQUOTED.fullmatch(text)):
        raise InvalidKey(f'takes 1 to {LONGEST_KEY} printable ASCII characters in quotes: "…"')
    return key


def scoped(key: str, user_id: str) -> str:
    """What is kept of a key: it belongs to its user, and others may use the same one."""
    return hashlib.sha256(f"{user_id}\n{key}".encode()).hexdigest()


def fingerprint(order: NewOrder, mode: Mode = Mode.ASYNC) -> str:
    """The same for the same order in the same mode, however its JSON was written: it is made
    of what was read.
    """
    # In the usual mode it is that of the versions before there were others, so that a request
    # is recognised that is repeated after an update.
    how = () if mode is Mode.ASYNC else (mode,)
    return hashlib.sha256(_encoder.encode((order.user_id, order.items, *how))).hexdigest()
