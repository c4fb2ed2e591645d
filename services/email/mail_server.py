"""Opens a conversation with the mail server: TLS, greeting, and login if there is a user."""

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from ssl import SSLError

from services.email.refusals import (
    GREETING,
    HELLO,
    LOGIN,
    MAIL_SERVER,
    START_TLS,
    expect,
    is_positive,
)
from services.email.smtp import Conversation, closed_on_error
from shared.errors import DependencyUnavailable, SettingsError
from shared.tls import client_context, explain_tls

DOMAIN = "orders.example"
READY = 220


class Tls(StrEnum):
    """`STARTTLS` encrypts a connection that begins in plain text (RFC 3207), `IMPLICIT` encrypts
    from the first byte (RFC 8314).
    """

    OFF = "off"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True)
class MailServer:
    """`ca_file`: the authorities to trust; if empty, those of the system."""

    host: str
    port: int
    tls: Tls = Tls.OFF
    ca_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


def open_conversation(server: MailServer, *, seconds: float) -> Conversation:
    """A conversation that is ready for a mail. Raises OSError or DependencyUnavailable."""
    talk = Conversation(server.host, server.port, seconds=seconds)
    with closed_on_error(talk):
        try:
            _open(talk, server)
        except (SSLError, SettingsError) as error:
            said = explain_tls(error, "SMTP_CA_FILE")
            raise DependencyUnavailable(MAIL_SERVER, said) from error
        if server.user:
            _log_in(talk, server)
    return talk


def _open(talk: Conversation, server: MailServer) -> None:
    if server.tls is Tls.IMPLICIT:
        talk.encrypt(client_context(server.ca_file), server.host)
    _greet(talk, server)
    if server.tls is Tls.STARTTLS:
        # A server without it is an outage: nothing is sent in plain text instead.
        expect(talk.command("STARTTLS"), START_TLS, READY)
        talk.encrypt(client_context(server.ca_file), server.host)
        # A reply from before TLS may have been altered.
        _hello(talk)


def _greet(talk: Conversation, server: MailServer) -> None:
    try:
        greeting = talk.reply()
    except TimeoutError as error:
        if server.tls is Tls.IMPLICIT:
            raise
        hint = "port 465 and the like need SMTP_TLS=implicit"
        raise TimeoutError(f"no greeting, {error} ({hint})") from error
    expect(greeting, GREETING, READY)
    _hello(talk)


def _hello(talk: Conversation) -> None:
    if not is_positive(talk.command(f"EHLO {DOMAIN}")):
        expect(talk.command(f"HELO {DOMAIN}"), HELLO)


def _log_in(talk: Conversation, server: MailServer) -> None:
    """Use PLAIN (RFC 4616), which every server accepts over TLS."""
    secret = f"\0{server.user}\0{server.password}".encode()
    expect(talk.command(f"AUTH PLAIN {base64.b64encode(secret).decode()}"), LOGIN)
