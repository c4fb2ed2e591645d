"""What a mail server's "no" means, from the step at which it is said and its code."""

import re

from services.email.smtp import Reply
from shared.errors import DependencyUnavailable, Refused

MAIL_SERVER = "mail server"
GREETING = "its greeting"
HELLO = "EHLO"
SENDER = "MAIL"
RECIPIENT = "RCPT"
DATA = "DATA"
#: The reply to the final dot.
END = "the mail"
#: What is said here is said to everybody: the sender is the same for every order.
NOT_ABOUT_THE_MAIL = frozenset({GREETING, HELLO, SENDER})
#: It closes the connection, or wants a login first: so it answers whatever it is asked.
TO_EVERYBODY = frozenset({421, 530, 534, 535, 538})
FIRST_REFUSAL = 400
FOR_GOOD = 500


def refusal(step: str, reply: Reply) -> DependencyUnavailable | Refused:
    said = f"{reply} (to {step})"
    if step in NOT_ABOUT_THE_MAIL or reply.code in TO_EVERYBODY:
        return DependencyUnavailable(MAIL_SERVER, said)
    return Refused(
        MAIL_SERVER,
        said,
        kind=f"{step} {reply.code} {_status(reply)}",
        for_now=FIRST_REFUSAL <= reply.code < FOR_GOOD,
    )


def _status(reply: Reply) -> str:
    """The enhanced code (RFC 3463), which tells a full mailbox from a full disk."""
    matched = re.match(r"[245]\.\d{1,3}\.\d{1,3}", reply.said)
    return matched[0] if matched else ""
