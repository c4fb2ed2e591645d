"""The SMTP interface: a mail is on the disk before the sink responds with 250."""

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from shared.errors import DatabaseUnavailable
from simulators.mail_sink.mailbox import Mailbox

#: A confirmation of an order with 100 items has about 6 KB.
MAX_MAIL_BYTES = 1024 * 1024
#: An address as nearly all are, and what follows it.
PLAIN_ADDRESS = re.compile(r"<([\w-]{1,64}@[\w-]+(?:\.[\w-]+)*)>()", re.ASCII)
#: Mails that are committed at the same time, at most.
THREADS = 64
#: How long a stop waits for the mails in hand.
DRAIN_SECONDS = 5.0


class MailHandler:
    """aiosmtpd calls this for each mail, in its event loop; `in_hand` counts the mails without a
    response.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        # Each waits for a commit, which many share.
        self._writers = ThreadPoolExecutor(THREADS, thread_name_prefix="mailbox")
        self.in_hand = 0

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name for it)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.in_hand += 1
        try:
            await self._keep(envelope)
        except DatabaseUnavailable:
            return "421 4.3.0 Cannot store the mail now, try again later"
        finally:
            # aiosmtpd sends the response before it yields to the loop, so this runs after it.
            asyncio.get_running_loop().call_soon(self._answered)
        return "250 2.0.0 Stored"

    def _answered(self) -> None:
        self.in_hand -= 1

    async def _keep(self, envelope: Envelope) -> None:
        raw = envelope.original_content or b""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            self._writers, self._mailbox.add, envelope.mail_from or "", envelope.rcpt_tos, raw
        )


class Smtp(SMTP):
    """aiosmtpd's, which parses each address as mails may write it: a fifth of its time."""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        if plain := PLAIN_ADDRESS.fullmatch(arg):
            return plain[1], plain[2]
        return super()._getaddr(arg)


class SmtpController(Controller):
    def factory(self) -> SMTP:
        return Smtp(self.handler, **self.SMTP_kwargs)


class SmtpListener:
    """The background part of the process: runs aiosmtpd in its own thread."""

    def __init__(self, mailbox: Mailbox, host: str, port: int) -> None:
        self._handler = MailHandler(mailbox)
        self._controller = SmtpController(
            self._handler,
            hostname=host,
            port=port,
            server_hostname="mail-sink",
            data_size_limit=MAX_MAIL_BYTES,
        )

    def start(self, on_death: Callable[[], None]) -> None:
        """Listen. Raises OSError if the port is in use."""
        del on_death  # No loop of ours can crash here; `why_not_ready` checks the server.
        self._controller.start()

    def stop(self) -> None:
        """Accept no new connections, respond to the mails in hand, then close."""
        server = self._controller.server
        if server is None:
            return
        self._controller.loop.call_soon_threadsafe(server.close)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._handler.in_hand and time.monotonic() < deadline:
            time.sleep(0.01)
        self._controller.stop()

    def why_not_ready(self) -> str | None:
        server = self._controller.server
        return None if server and server.is_serving() else "the SMTP port is closed"
