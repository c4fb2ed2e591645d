"""The email service and a mail server that wants TLS and a login, or has a bad certificate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from orderctl.stack.ports import free_port
from services.email.mail_server import Tls
from tests.builders import an_event
from tests.certificates import Authority, serving
from tests.integration.tls.brokers import HOST, PASSWORD, USER
from tests.pipeline import Pipeline, wait_ready
from tests.waiting import eventually, stays
from tools.servers.tls import TlsFiles


class Mails:
    """Records the message id of each mail that aiosmtpd accepts."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name for it)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        lines = bytes(envelope.original_content or b"").decode().splitlines()
        [id] = [line for line in lines if line.startswith("Message-ID: ")]
        self.ids.append(id.removeprefix("Message-ID: <").removesuffix("@orders.example>"))
        return "250 kept"


def allow(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    given = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == given)


@contextmanager
def mail_server(files: TlsFiles, tls: Tls, mails: Mails, port: int) -> Iterator[None]:
    """An aiosmtpd that takes mails of the user alone, and only over TLS."""
    context = serving(files)
    implicit = tls is Tls.IMPLICIT
    controller = Controller(
        mails,
        hostname="127.0.0.1",
        port=port,
        ssl_context=context if implicit else None,
        tls_context=None if implicit else context,
        require_starttls=not implicit,
        auth_required=True,
        # aiosmtpd counts STARTTLS alone as TLS here.
        auth_require_tls=not implicit,
        authenticator=allow,
    )
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_mails_are_sent_once_the_certificate_can_be_trusted(
    files: TlsFiles, expired: TlsFiles, authority: Authority, tls: Tls, tmp_path: Path
) -> None:
    pipeline, mails, port = Pipeline(tmp_path), Mails(), free_port()
    event = an_event()
    settings = {"SMTP_HOST": HOST, "SMTP_PORT": str(port), "SMTP_TLS": tls.value}
    login = {"SMTP_USER": USER, "SMTP_PASSWORD": PASSWORD, "SMTP_CA_FILE": str(authority.file)}
    with pipeline.service("email", WORK_TIME="0", **settings, **login) as email:
        with mail_server(expired, tls, mails, port):
            pipeline.publish(event)
            eventually(lambda: "has expired" in (email.get("/health/ready")["reason"] or ""))
            stays(lambda: not email.get("/health/ready")["ready"], for_seconds=1.5)
            depth = pipeline.depth("email")
            assert (depth.retrying, depth.dead, mails.ids) == (0, 0, [])
        with mail_server(files, tls, mails, port):
            pipeline.wait_settled("email")
            wait_ready(email)
            assert mails.ids == [event.id]
            # It keeps its connection to the mail server, which has to end last.
            email.end()
        assert pipeline.depth("email").dead == 0
        assert PASSWORD not in email.log
