"""Classifies a refusal by the mail server, by the step and the reply code."""

import re

from services.email.smtp import Reply
from shared.errors import DependencyUnavailable, Refused

MAIL_SERVER = "mail server"
GREETING = "its greeting"
HELLO = "EHLO"
START_TLS = "STARTTLS"
LOGIN = "AUTH"
SENDER = "MAIL"
RECIPIENT = "RCPT"
DATA = "DATA"
#: The reply to the final dot.
END = "the mail"
#: A refusal in these steps applies to every mail: the sender is the same for every order.
NOT_ABOUT_THE_MAIL = frozenset({GREETING, HELLO, START_TLS, LOGIN, SENDER})
#: The server is closing the connection or requires a login, so it refuses every mail.
ABOUT_EVERY_MAIL = frozenset({421, 530, 534, 535, 538})
FIRST_REFUSAL = 400
FIRST_PERMANENT = 500


def expect(reply: Reply, step: str, code: int | None = None) -> None:
    """Raise the error for a reply that is not positive, or that has a code other than this."""
    is_expected = reply.code == code if code else is_positive(reply)
    if not is_expected:
        raise refusal(step, reply)


def is_positive(reply: Reply) -> bool:
    return reply.code // 100 == 2


def refusal(step: str, reply: Reply) -> DependencyUnavailable | Refused:
    text = f"{reply} (to {step})"
    if step in NOT_ABOUT_THE_MAIL or reply.code in ABOUT_EVERY_MAIL:
        return DependencyUnavailable(MAIL_SERVER, text)
    return Refused(
        MAIL_SERVER,
        text,
        kind=f"{step} {reply.code} {_status(reply)}",
        for_now=FIRST_REFUSAL <= reply.code < FIRST_PERMANENT,
    )


def _status(reply: Reply) -> str:
    """The enhanced status code (RFC 3463), which distinguishes a full mailbox from a full disk."""
    matched = re.match(r"[245]\.\d{1,3}\.\d{1,3}", reply.text)
    return matched[0] if matched else ""
