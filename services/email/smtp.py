"""A conversation with a mail server (RFC 5321), with one timeout for all replies to a mail.

smtplib applies its timeout to each read and each address, so a server that sends a line every few
seconds keeps it busy for ever. Its `sendmail` also does not show whether the connection was lost
before or after the final dot, and only after it may the mail have been sent.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

#: Bytes per reply. RFC 5321 allows lines of 512 bytes, and replies have few lines.
MAX_REPLY = 16 * 1024
#: How long sending QUIT may take: one small packet.
QUIT_SECONDS = 1.0

#: Like `socket.getaddrinfo`: all addresses of a name, in the order in which to try them.
LookUp = Callable[..., Sequence[tuple[Any, ...]]]


class Reply(NamedTuple):
    """`code` is 0 if the text is not an SMTP reply."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code or 'not an SMTP reply:'} {self.text}"


class Conversation:
    """Every method raises OSError when the server is down or too slow."""

    def __init__(
        self, host: str, port: int, *, seconds: float, look_up: LookUp = socket.getaddrinfo
    ) -> None:
        """Connect; `seconds` is the time for everything until `bound` is called."""
        self._look_up = look_up
        self._received = b""
        self.bound(seconds)
        self._socket: socket.socket = self._connect(host, port)

    def bound(self, seconds: float) -> None:
        """Allow this many seconds from now on, for all replies together."""
        self._seconds = seconds
        self._ends = time.monotonic() + seconds

    def command(self, line: str) -> Reply:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def send(self, data: bytes) -> None:
        """Send all of it. After an OSError, the end of the data has not been sent."""
        unsent = memoryview(data)
        while unsent:
            self._socket.settimeout(self._left())
            unsent = unsent[self._socket.send(unsent) :]

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Switch to TLS; the server's certificate has to be for this host."""
        if self._received:
            # Injected by somebody in between, so that it is taken for a reply sent over TLS.
            raise ConnectionError("it sent more than its reply before TLS began")
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def reply(self) -> Reply:
        """The next reply, which may have several lines."""
        lines = [self._line()]
        while re.match(rb"\d{3}-", lines[-1]):
            lines.append(self._line())
            if sum(map(len, lines)) > MAX_REPLY:
                raise ConnectionError(f"its reply is longer than {MAX_REPLY} bytes")
        matched = re.match(rb"([2-5]\d\d)(?: |$)", lines[-1])
        text = b" ".join(line[4:] if matched else line for line in lines)
        return Reply(int(matched[1]) if matched else 0, text.decode("utf-8", "replace"))

    @property
    def is_in_step(self) -> bool:
        """Whether the server has said nothing that was not asked for, as far as it was read."""
        return not self._received

    def quit(self) -> None:
        """Say QUIT and close. There is no mail in progress, so nobody waits for the reply."""
        with suppress(OSError):
            self.bound(QUIT_SECONDS)
            self.send(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            if len(self._received) > MAX_REPLY:
                raise ConnectionError(f"its reply is longer than {MAX_REPLY} bytes")
            self._socket.settimeout(self._left())
            received = self._socket.recv(4096)
            if not received:
                raise ConnectionError("it closed the connection")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r")

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not done within {self._seconds:g} s")
        return left

    def _connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address that responds; each may use its share of the time left."""
        found = self._look_up(host, port, type=socket.SOCK_STREAM)
        problem = OSError(f"{host} has no address")
        for number, (family, kind, protocol, _, address) in enumerate(found):
            one = socket.socket(family, kind, protocol)
            try:
                one.settimeout(self._left() / (len(found) - number))
                one.connect(address)
                return one
            except OSError as error:
                one.close()
                problem = error
        raise problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def closed_on_error(conversation: Conversation) -> Iterator[None]:
    """Close it if the block raises; otherwise it stays open."""
    try:
        yield
    except BaseException:
        conversation.close()
        raise
