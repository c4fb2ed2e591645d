"""Detects when a request has arrived completely, so that no thread has to wait for a client.

It only measures; gunicorn's parser validates. A malformed request counts as complete, so that the
parser rejects it. Source: RFC 9112, sections 6.3 (the length of a body) and 7.1 (chunks).
"""

import re
from typing import Protocol

#: An order of 100 items, the largest valid body, has about 10 KB.
MAX_BODY_BYTES = 64 * 1024
#: The head of an order's request has about 300 bytes.
MAX_HEAD_BYTES = 32 * 1024
#: A body in chunks of one byte has six times its size.
MAX_RAW_BYTES = 8 * MAX_BODY_BYTES
#: The application rejects a body that is too long, after reading one byte over the limit; gunicorn
#: reads ahead of it.
MARGIN = 16 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LENGTH = re.compile(rb"[0-9]{1,19}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")


class _Body(Protocol):
    """A body: `end` is its end once known; `is_cut` if the rest of it will not be read."""

    end: int | None
    is_cut: bool

    def measure(self, received: bytearray) -> None: ...


class Incoming:
    """The bytes received on a connection and not yet taken as a request."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._expect_head()

    def _expect_head(self) -> None:
        self._searched = 0
        self._head_end = 0
        self._body: _Body | None = None
        self._is_continued = False

    def add(self, data: bytes) -> None:
        self._received += data

    @property
    def is_empty(self) -> bool:
        return not self._received

    @property
    def head_is_too_long(self) -> bool:
        return self._body is None and len(self._received) > MAX_HEAD_BYTES

    def is_complete(self) -> bool:
        if self._body is None:
            self._look_for_head()
        if self._body is None:
            return False
        self._body.measure(self._received)
        return self._body.end is not None

    def wants_continue(self) -> bool:
        """True once for each request whose client waits for `100 Continue`."""
        if self._body is None or self._is_continued:
            return False
        self._is_continued = True
        fields = _fields(bytes(self._received[: self._head_end]))
        return any(n == b"expect" and v.lower() == b"100-continue" for n, v in fields)

    def take(self) -> tuple[bytes, bool]:
        """The complete request, and whether its connection has to be closed afterwards."""
        body = self._body or _Malformed()
        is_cut, end = body.is_cut, body.end
        request = bytes(self._received[:end])
        del self._received[:end]
        self._expect_head()
        return request, is_cut

    def _look_for_head(self) -> None:
        # The end of the head may be split across two reads.
        begin = max(0, self._searched - len(_END_OF_HEAD) + 1)
        found = self._received.find(_END_OF_HEAD, begin)
        if found >= 0:
            self._head_end = found + len(_END_OF_HEAD)
            self._body = _body_after(bytes(self._received[:found]), self._head_end)
        elif _BARE_LF.search(self._received, begin):
            self._body = _Malformed()
        self._searched = len(self._received)


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    lines = head.split(b"\r\n")[1:]
    pairs = (line.partition(b":") for line in lines)
    return [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]


def _body_after(head: bytes, end: int) -> _Body:
    fields = _fields(head)
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if not lengths and not codings:
        return _OfLength(end, 0)
    if codings and not lengths and codings[-1].lower().endswith(b"chunked"):
        return _Chunked(end)
    if len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]) and not codings:
        return _OfLength(end, int(lengths[0]))
    return _Malformed()


class _OfLength:
    def __init__(self, begin: int, length: int) -> None:
        self.end: int | None = None
        # Flask rejects it by its length alone, so do not wait for the rest.
        self.is_cut = length > MAX_BODY_BYTES + 1
        self._end = begin if self.is_cut else begin + length

    def measure(self, received: bytearray) -> None:
        self.end = self._end if len(received) >= self._end else None


class _Malformed:
    """A body with an unknown end: no second request is read from its connection."""

    end: int | None = None
    is_cut = True

    def measure(self, received: bytearray) -> None:
        self.end = len(received)


class _Chunked:
    def __init__(self, begin: int) -> None:
        self.end: int | None = None
        self.is_cut = False
        self._chunk = begin
        self._data = 0

    def measure(self, received: bytearray) -> None:
        """Continue at the last chunk, so that each chunk is parsed once."""
        while self.end is None and self._pass_chunk(received):
            pass
        if self.end is None and len(received) > MAX_RAW_BYTES:
            self._cut(received)

    def _pass_chunk(self, received: bytearray) -> bool:
        """True if another chunk may follow."""
        line_end = received.find(b"\r\n", self._chunk)
        if line_end < 0:
            return False
        size = _SIZE.fullmatch(received, self._chunk, line_end)
        if size is None:
            return self._cut(received)
        length = int(size[1], 16)
        if length == 0:
            return self._pass_trailers(received, line_end)
        return self._pass_data(received, line_end + 2, length)

    def _pass_data(self, received: bytearray, begin: int, length: int) -> bool:
        if self._data + min(length, len(received) - begin) > MAX_BODY_BYTES + MARGIN:
            return self._cut(received)
        if len(received) < begin + length + 2:
            return False
        self._data += length
        self._chunk = begin + length + 2
        return True

    def _pass_trailers(self, received: bytearray, line_end: int) -> bool:
        found = received.find(_END_OF_HEAD, line_end)
        self.end = found + len(_END_OF_HEAD) if found >= 0 else None
        return False

    def _cut(self, received: bytearray) -> bool:
        self.end, self.is_cut = len(received), True
        return False
