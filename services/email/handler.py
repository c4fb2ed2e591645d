"""Sends the confirmation of an order by SMTP (RFC 5321)."""

import re
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime

from services.email.mail_server import DOMAIN, MailServer, conversation
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
from services.email.smtp import QUIT_SECONDS, Conversation
from shared.errors import DependencyUnavailable, OutcomeUnknown
from shared.events import Event, Item

FROM = f"confirmations@{DOMAIN}"
GO_ON = 354
NO_REPLY = "no reply to the complete mail, which may have been sent"


def confirmation(event: Event) -> EmailMessage:
    """The mail for an event: always the same one, so that duplicates can be recognised."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<{event.id}@{DOMAIN}>"
    mail["Date"] = format_datetime(event.time)
    mail["From"] = FROM
    mail["To"] = address_of(event.order.user_id)
    mail["Subject"] = f"Your order {event.order.order_id}"
    lines = "\n".join(_line(item) for item in event.order.items)
    # EUR and not €: a mail in ASCII needs no transfer encoding.
    mail.set_content(
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
    event: Event, *, to: MailServer, timeout: float, answer_timeout: float
) -> None:
    """Send the mail, within `timeout` seconds up to the final dot and `answer_timeout` seconds
    for the reply to it.

    Raises DependencyUnavailable when the server is down or refuses every mail, Refused when the
    refusal may be about this mail, and OutcomeUnknown when there is no reply to the final dot.
    """
    mail = confirmation(event)
    try:
        with conversation(to, seconds=timeout) as server:
            _prepare(server, address_of(event.order.user_id))
            server.send(_data(mail))
            _await_reply(server, answer_timeout)
            _quit(server)
    except OSError as error:
        raise DependencyUnavailable(MAIL_SERVER, error) from error


def _prepare(server: Conversation, recipient: str) -> None:
    expect(server.command(f"MAIL FROM:<{FROM}>"), SENDER)
    expect(server.command(f"RCPT TO:<{recipient}>"), RECIPIENT)
    expect(server.command("DATA"), DATA, GO_ON)


def _data(mail: EmailMessage) -> bytes:
    """The mail and the final dot."""
    text = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    return re.sub(rb"(?m)^\.", b"..", text) + b".\r\n"


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


def _quit(server: Conversation) -> None:
    # The mail has been accepted, whatever the reply to QUIT. The wait is short, so that the inbox
    # row is written soon.
    with suppress(OSError):
        server.bound(QUIT_SECONDS)
        server.command("QUIT")
