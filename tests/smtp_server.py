"""A mail server that answers as a test tells it to, on a real socket."""

import socketserver
import threading
import time
from types import TracebackType
from typing import Self

#: Instead of an answer: close the connection, or say nothing for as long as the client waits.
DROP = "drop"
HANG = "hang"

GOOD = {
    "connect": "220 ready",
    "EHLO": "250 hello",
    "HELO": "250 hello",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "end": "250 kept",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class SmtpServer:
    """`answers` may be changed at any time; `mails` holds what was answered with 250."""

    def __init__(self) -> None:
        self.answers = dict(GOOD)
        self.delay = 0.0
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

    def handle(self) -> None:
        going_on = self._answer("connect")
        while going_on and (line := self.rfile.readline()):
            command = line[:4].decode().upper()
            self.server.script.commands.append(line.decode().strip())
            going_on = self._answer(command) and command != "QUIT"
            if going_on and command == "DATA" and self._says("DATA").startswith("3"):
                going_on = self._take_mail()

    def _take_mail(self) -> bool:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        if self._says("end").startswith("2"):
            self.server.script.mails.append(b"".join(lines))
        return self._answer("end")

    def _answer(self, step: str) -> bool:
        """Say what is to be said; False when the conversation is over."""
        said = self._says(step)
        time.sleep(self.server.script.delay)
        if said == HANG:
            self.server.script.closing.wait()
        if said in (DROP, HANG):
            return False
        self.wfile.write(said.encode() + b"\r\n")
        return True

    def _says(self, step: str) -> str:
        return self.server.script.answers.get(step, "502 what?")
