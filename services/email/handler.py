"""Sends the confirmation of an order by SMTP (RFC 5321)."""

import smtplib
import time
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import format_datetime

from shared.errors import DependencyUnavailable, PermanentError
from shared.events import Event, Item

DOMAIN = "orders.example"
READY = 220
#: The server closes the connection: an answer about its state, whatever it was asked.
CLOSING = 421
#: Replies from here on say that trying again cannot help.
FOR_GOOD = 500


def confirmation(event: Event) -> EmailMessage:
    """The mail; sent again, it is the same mail, by which the far end can tell."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<{event.id}@{DOMAIN}>"
    mail["Date"] = format_datetime(event.time)
    mail["From"] = f"confirmations@{DOMAIN}"
    mail["To"] = f"{event.order.user_id}@example.com"
    mail["Subject"] = f"Your order {event.order.order_id}"
    lines = "\n".join(_line(item) for item in event.order.items)
    mail.set_content(
        f"Thank you for your order {event.order.order_id}:\n\n{lines}\n\n"
        f"Total: {event.order.total_amount:.2f}\n"
    )
    return mail


def _line(item: Item) -> str:
    return f"{item.quantity} x {item.product_id} at {item.price:.2f} = {item.total():.2f}"


def send_confirmation(event: Event, *, host: str, port: int, timeout: float) -> None:
    """Hand the mail to the server, in `timeout` seconds once connected.

    Raises DependencyUnavailable when the server is away, closing or refusing everybody,
    PermanentError when it refuses this mail for good, and smtplib's own error when it refuses
    it for now (4xx), for which trying again later is right.
    """
    with closing(_BoundedSMTP(timeout)) as smtp:
        _greet(smtp, host, port)
        _hand_over(smtp, confirmation(event))
        # The mail is taken; a server that does not answer QUIT does not change that.
        with suppress(OSError):
            smtp.quit()


def _greet(smtp: smtplib.SMTP, host: str, port: int) -> None:
    try:
        code, said = smtp.connect(host, port)
        if code != READY:
            raise smtplib.SMTPConnectError(code, said)
        smtp.ehlo_or_helo_if_needed()
    except OSError as error:
        # A refusal at this point, of whatever code, is not about the mail.
        raise DependencyUnavailable("mail server", error) from error


def _hand_over(smtp: smtplib.SMTP, mail: EmailMessage) -> None:
    try:
        smtp.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        raise _refused(code, error) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error) from error
    except OSError as error:
        # Also smtplib's SMTPServerDisconnected, which is an OSError. When this happens after
        # the mail's last line, nobody knows whether it was taken; then it goes twice.
        raise DependencyUnavailable("mail server", error) from error


def _refused(code: int, error: smtplib.SMTPException) -> Exception:
    if code == CLOSING:
        return DependencyUnavailable("mail server", error)
    return PermanentError(f"mail refused: {error}") if code >= FOR_GOOD else error


class _BoundedSMTP(smtplib.SMTP):
    """Bounds the whole conversation by `timeout`, where smtplib bounds each of its steps.

    The lease on the event has to outlast the call, so that the call needs a bound.
    """

    def __init__(self, timeout: float) -> None:
        self._patience = timeout
        self._ends: float | None = None
        # Without a name of our own, smtplib asks the DNS for one, however long that takes.
        super().__init__(local_hostname=DOMAIN, timeout=timeout)

    def send(self, s: str | bytes) -> None:  # type: ignore[override]
        self._bound()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        self._bound()
        return super().getreply()

    def _bound(self) -> None:
        if self._ends is None:
            self._ends = time.monotonic() + self._patience
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not done within {self._patience} s")
        if self.sock:
            self.sock.settimeout(left)
