"""Sends the confirmation of an order by SMTP (RFC 5321)."""

import re
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime

from services.email.refusals import (
    DATA,
    END,
    FIRST_REFUSAL,
    GREETING,
    HELLO,
    MAIL_SERVER,
    RECIPIENT,
    SENDER,
    refusal,
)
from services.email.smtp import GOODBYE_SECONDS, Conversation, Reply
from shared.errors import DependencyUnavailable, OutcomeUnknown
from shared.events import Event, Item

DOMAIN = "orders.example"
FROM = f"confirmations@{DOMAIN}"
READY = 220
GO_ON = 354
NO_ANSWER = "no answer to the whole mail, which may be sent"


def confirmation(event: Event) -> EmailMessage:
    """The mail; sent again, it is the same mail, by which the far end can tell."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<{event.id}@{DOMAIN}>"
    mail["Date"] = format_datetime(event.time)
    mail["From"] = FROM
    mail["To"] = address_of(event.order.user_id)
    mail["Subject"] = f"Your order {event.order.order_id}"
    lines = "\n".join(_line(item) for item in event.order.items)
    mail.set_content(
        f"Thank you for your order {event.order.order_id}:\n\n{lines}\n\n"
        f"Total: {event.order.total_amount:.2f}\n"
    )
    return mail


def _line(item: Item) -> str:
    return f"{item.quantity} x {item.product_id} at {item.price:.2f} = {item.total():.2f}"


def address_of(user_id: str) -> str:
    """Our ids allow what is no bare local part of an address: `bob.`, `a..b` (RFC 5321, 4.1.2)."""
    is_bare = re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", user_id)
    return f"{user_id}@example.com" if is_bare else f'"{user_id}"@example.com'


def send_confirmation(
    event: Event, *, host: str, port: int, timeout: float, answer_timeout: float
) -> None:
    """Hand the mail to the server: `timeout` seconds up to the final dot, and `answer_timeout`
    from there on.

    Raises DependencyUnavailable when the server is away or refuses everybody, Refused when it
    may be this mail that it refuses, and OutcomeUnknown when there is no answer to the dot.
    """
    mail = confirmation(event)
    try:
        with Conversation(host, port, seconds=timeout) as server:
            _prepare(server, address_of(event.order.user_id))
            server.send(_data(mail))
            _await_answer(server, answer_timeout)
            _say_goodbye(server)
    except OSError as error:
        raise DependencyUnavailable(MAIL_SERVER, error) from error


def _prepare(server: Conversation, recipient: str) -> None:
    _expect(server.reply(), GREETING, READY)
    if not _is_good(server.command(f"EHLO {DOMAIN}")):
        _expect(server.command(f"HELO {DOMAIN}"), HELLO)
    _expect(server.command(f"MAIL FROM:<{FROM}>"), SENDER)
    _expect(server.command(f"RCPT TO:<{recipient}>"), RECIPIENT)
    _expect(server.command("DATA"), DATA, GO_ON)


def _expect(reply: Reply, step: str, code: int | None = None) -> None:
    is_expected = reply.code == code if code else _is_good(reply)
    if not is_expected:
        raise refusal(step, reply)


def _is_good(reply: Reply) -> bool:
    return reply.code // 100 == 2


def _data(mail: EmailMessage) -> bytes:
    """The mail and the final dot."""
    text = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    return re.sub(rb"(?m)^\.", b"..", text) + b".\r\n"


def _await_answer(server: Conversation, seconds: float) -> None:
    """From here on, only an answer tells whether the mail is sent (RFC 5321, 4.5.3.2.6).

    One of 421 or another refusal says that it is not; none at all, and what is no answer, say
    nothing.
    """
    server.bound(seconds)
    try:
        reply = server.reply()
    except OSError as error:
        raise OutcomeUnknown(MAIL_SERVER, f"{NO_ANSWER}: {error}") from error
    if reply.code < FIRST_REFUSAL and not _is_good(reply):
        raise OutcomeUnknown(MAIL_SERVER, f"{NO_ANSWER}, but {reply}")
    _expect(reply, END)


def _say_goodbye(server: Conversation) -> None:
    # The mail is taken; a server that does not answer QUIT does not change that. And the sooner
    # it is written down, the better.
    with suppress(OSError):
        server.bound(GOODBYE_SECONDS)
        server.command("QUIT")
