"""Sends the confirmation of an order by SMTP (RFC 5321)."""

import re
import time
from dataclasses import dataclass
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime

from services.email.connections import MailConnections
from services.email.mail_server import DOMAIN
from services.email.refusals import (
    DATA,
    END,
    FIRST_REFUSAL,
    MAIL_SERVER,
    RECIPIENT,
    SENDER,
    expect,
    is_positive,
)
from services.email.smtp import Conversation, closed_on_error
from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused
from shared.events import Event, Item

FROM = f"confirmations@{DOMAIN}"
GO_ON = 354
#: The modern policies parse each header that is set, which takes twenty times as long. Ours are
#: short and in ASCII, so that there is nothing to encode or to fold.
CHEAP = compat32.clone(linesep="\r\n", max_line_length=0)
NO_REPLY = "no reply to the complete mail, which may have been sent"


def confirmation(event: Event) -> Message:
    """The mail for an event: always the same one, so that duplicates can be recognised."""
    mail = Message(CHEAP)
    mail["Message-ID"] = f"<{event.id}@{DOMAIN}>"
    mail["Date"] = format_datetime(event.time)
    mail["From"] = FROM
    mail["To"] = address_of(event.order.user_id)
    mail["Subject"] = f"Your order {event.order.order_id}"
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = 'text/plain; charset="utf-8"'
    mail["Content-Transfer-Encoding"] = "7bit"
    lines = "\n".join(_line(item) for item in event.order.items)
    # EUR and not €: a mail in ASCII needs no transfer encoding.
    mail.set_payload(
        f"Thank you for your order {event.order.order_id}:\n\n{lines}\n\n"
        f"Total: EUR {event.order.total_amount:.2f}\n"
    )
    return mail


def _line(item: Item) -> str:
    return f"{item.quantity} x {item.product_id} at {item.price:.2f} = {item.total():.2f}"


def address_of(user_id: str) -> str:
    """Quotes ids that are not valid unquoted local parts: `bob.`, `a..b` (RFC 5321, 4.1.2)."""
    is_bare = re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", user_id)
    return f"{user_id}@example.com" if is_bare else f'"{user_id}"@example.com'


def send_confirmation(
    event: Event, connections: MailConnections, *, timeout: float, answer_timeout: float
) -> None:
    """Send the mail, within `timeout` seconds up to the final dot and `answer_timeout` seconds
    for the reply to it.

    Raises DependencyUnavailable when the server is down or refuses every mail, Refused when the
    refusal may be about this mail, and OutcomeUnknown when there is no reply to the final dot.
    """
    mail = _Outgoing(address_of(event.order.user_id), _data(confirmation(event)))
    ends = time.monotonic() + timeout
    try:
        server = _send_on_kept(connections, mail, ends) or _send_on_new(connections, mail, ends)
    except OSError as error:
        raise DependencyUnavailable(MAIL_SERVER, error) from error
    with closed_on_error(server):
        _await_reply(server, answer_timeout)
    _keep(connections, server)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    recipient: str
    #: The mail and the final dot.
    data: bytes


def _send_on_kept(
    connections: MailConnections, mail: _Outgoing, ends: float
) -> Conversation | None:
    """Send the mail on a kept connection; None if there is none, or if that did not work.

    Before the final dot, a failure here means nothing: the connection may have died while it was
    idle, or the server wants no more mails on it. The new connection decides, within the time that
    is left: none, if the server hung up without a sign.
    """
    server = connections.take()
    if server is None:
        return None
    try:
        with closed_on_error(server):
            server.bound(ends - time.monotonic())
            expect(server.command(f"MAIL FROM:<{FROM}>"), SENDER)
            _send_data(server, mail)
    except (OSError, DependencyUnavailable, Refused):
        # Whatever ended this one may have ended the others.
        connections.close()
        return None
    return server


def _send_on_new(connections: MailConnections, mail: _Outgoing, ends: float) -> Conversation:
    server = connections.open(ends - time.monotonic())
    with closed_on_error(server):
        expect(server.command(f"MAIL FROM:<{FROM}>"), SENDER)
        _send_data(server, mail)
    return server


def _send_data(server: Conversation, mail: _Outgoing) -> None:
    expect(server.command(f"RCPT TO:<{mail.recipient}>"), RECIPIENT)
    expect(server.command("DATA"), DATA, GO_ON)
    server.send(mail.data)


def _data(mail: Message) -> bytes:
    """The mail and the final dot."""
    return re.sub(rb"(?m)^\.", b"..", mail.as_bytes(policy=CHEAP)) + b".\r\n"


def _await_reply(server: Conversation, seconds: float) -> None:
    """Only the reply to the final dot shows whether the mail was sent (RFC 5321, 4.5.3.2.6).

    With a refusal, including 421, it was not. Without a valid reply, the outcome is unknown.
    """
    server.bound(seconds)
    try:
        reply = server.reply()
    except OSError as error:
        raise OutcomeUnknown(MAIL_SERVER, f"{NO_REPLY}: {error}") from error
    if reply.code < FIRST_REFUSAL and not is_positive(reply):
        raise OutcomeUnknown(MAIL_SERVER, f"{NO_REPLY}, but {reply}")
    expect(reply, END)


def _keep(connections: MailConnections, server: Conversation) -> None:
    if server.is_in_step:
        connections.keep(server)
    else:
        # The next reply would be taken for the reply to another command.
        server.close()
