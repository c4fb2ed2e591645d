"""A fake mail server on a real socket, whose replies the test chooses."""

import socketserver
import ssl
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

#: Instead of a reply: close the connection, never reply, or send an endless reply line by line, or
#: an endless line byte by byte.
DROP = "drop"
HANG = "hang"
DRIP_LINES = "drip lines"
DRIP_LETTERS = "drip letters"
DRIPS = {DRIP_LINES: b"250-more\r\n", DRIP_LETTERS: b"2"}
#: Far more lines, or bytes in a line, than any reply has.
FLOOD = "250-more\r\n" * 20_000 + "250 ok"
LONG_LINE = "250 " + "x" * 200_000

GOOD = {
    "connect": "220 ready",
    "EHLO": "250 hello",
    "HELO": "250 hello",
    "STAR": "220 go on",
    "AUTH": "235 welcome",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "end": "250 kept",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class SmtpServer:
    """`answers` may be changed at any time, and `answers_to` has others for some recipients;
    `delays` are seconds before the reply to a step. `mails` records the mails accepted with 250,
    `taken` the recipients of all mails received up to the final dot, accepted or not.
    `encrypted` records the commands received over TLS.

    With `tls` it offers STARTTLS, or, when `implicit`, accepts nothing but TLS.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> None:
        self.tls, self.implicit = tls, implicit
        self.encrypted: list[str] = []
        self.answers = dict(GOOD)
        self.answers_to: dict[str, dict[str, str]] = {}
        #: Others, for connections over which a mail was taken.
        self.answers_later: dict[str, str] = {}
        self.delay = 0.0
        self.delays: dict[str, float] = {}
        self.taken: list[str] = []
        self.mails: list[bytes] = []
        self.commands: list[str] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.script = self
        self.host, self.port = "127.0.0.1", int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    script: SmtpServer


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    recipient = ""
    has_taken = False

    def handle(self) -> None:
        # The client may close the connection at any time.
        with suppress(OSError):
            self._converse()

    def finish(self) -> None:
        super().finish()
        # The server closes the socket that it knows, and TLS has a socket of its own.
        self.request.close()

    def _encrypt(self) -> None:
        assert self.server.script.tls
        self.request = self.server.script.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def _note(self, command: str) -> None:
        self.server.script.commands.append(command)
        if isinstance(self.request, ssl.SSLSocket):
            self.server.script.encrypted.append(command)

    def _converse(self) -> None:
        if self.server.script.implicit:
            self._encrypt()
        going_on = self._answer("connect")
        while going_on and (line := self.rfile.readline()):
            command = line[:4].decode().upper()
            self._note(line.decode().strip())
            if command == "RCPT":
                self.recipient = line.decode().strip().removeprefix("RCPT TO:<").rstrip(">")
            going_on = self._answer(command) and command != "QUIT"
            if command == "STAR" and self._says("STAR").startswith("220"):
                self._encrypt()
            if going_on and command == "DATA" and self._says("DATA").startswith("3"):
                going_on = self._take_mail()

    def _take_mail(self) -> bool:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        self.server.script.taken.append(self.recipient)
        if self._says("end").startswith("2"):
            self.server.script.mails.append(b"".join(lines))
        going_on = self._answer("end")
        self.has_taken = True
        return going_on

    def _answer(self, step: str) -> bool:
        """Send the reply for this step; False when the conversation is over."""
        said = self._says(step)
        time.sleep(self.server.script.delay + self.server.script.delays.get(step, 0.0))
        if said == HANG:
            self.server.script.closing.wait()
        if said in DRIPS:
            self._drip(DRIPS[said])
        if said in (DROP, HANG, *DRIPS):
            return False
        # A lone surrogate stands for a byte that is not valid UTF-8.
        self.wfile.write(said.encode(errors="surrogateescape") + b"\r\n")
        return True

    def _drip(self, what: bytes) -> None:
        with suppress(OSError):
            while not self.server.script.closing.wait(0.1):
                self.wfile.write(what)

    def _says(self, step: str) -> str:
        script = self.server.script
        answers = script.answers | script.answers_to.get(self.recipient, {})
        answers |= script.answers_later if self.has_taken else {}
        return answers.get(step, "502 what?")
