"""Mail over TLS: nothing is said in plain text that should not be, and nobody else is trusted."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.email.connections import MailConnections
from services.email.handler import send_confirmation
from services.email.mail_server import MailServer, Tls
from shared.errors import DependencyUnavailable
from tests.builders import an_event
from tests.certificates import Authority, serving
from tests.smtp_server import HANG, SmtpServer
from tests.waiting import eventually
from tools.servers.tls import TlsFiles

HOST = "localhost"
USER, PASSWORD = "shop", "a secret"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def files(authority: Authority) -> TlsFiles:
    return authority.issue("server", HOST)


@pytest.fixture(params=[Tls.STARTTLS, Tls.IMPLICIT])
def tls(request: pytest.FixtureRequest) -> Tls:
    return Tls(request.param)


@pytest.fixture
def server(files: TlsFiles, tls: Tls) -> Iterator[SmtpServer]:
    with SmtpServer(serving(files), implicit=tls is Tls.IMPLICIT) as server:
        yield server


def send(
    server: SmtpServer, tls: Tls, ca: Path, *, host: str = HOST, user: str = "", seconds: float = 5
) -> None:
    password = PASSWORD if user else ""
    to = MailServer(host, server.port, tls=tls, ca_file=str(ca), user=user, password=password)
    with MailConnections(to) as connections:
        send_confirmation(an_event(), connections, timeout=seconds, answer_timeout=seconds)


def test_a_mail_goes_over_tls(server: SmtpServer, tls: Tls, authority: Authority) -> None:
    send(server, tls, authority.file)
    assert len(server.mails) == 1
    # Nobody waits for the reply to it.
    eventually(lambda: server.encrypted[-1:] == ["QUIT"])
    in_plain_text = server.commands[: len(server.commands) - len(server.encrypted)]
    expected = ["EHLO orders.example", "STARTTLS"] if tls is Tls.STARTTLS else []
    assert in_plain_text == expected
    assert [command[:4] for command in server.encrypted] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_the_password_is_said_over_tls_alone(
    server: SmtpServer, tls: Tls, authority: Authority
) -> None:
    send(server, tls, authority.file, user=USER)
    secret = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    login = f"AUTH PLAIN {secret}"
    assert (server.commands.count(login), server.encrypted.count(login)) == (1, 1)


def test_a_refused_login_is_an_outage_and_shows_no_password(
    server: SmtpServer, tls: Tls, authority: Authority
) -> None:
    server.answers["AUTH"] = "501 5.7.8 who are you?"
    with pytest.raises(DependencyUnavailable, match=r"501 5\.7\.8 who are you\? \(to AUTH\)") as it:
        send(server, tls, authority.file, user=USER)
    assert PASSWORD not in str(it.value)
    assert server.taken == []


def test_an_authority_that_is_not_trusted_is_an_outage(
    server: SmtpServer, tls: Tls, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(DependencyUnavailable, match="SMTP_CA_FILE takes the file"):
        send(server, tls, other.file, user=USER)
    assert server.encrypted == []


def test_a_certificate_for_another_host_is_an_outage(
    server: SmtpServer, tls: Tls, authority: Authority
) -> None:
    with pytest.raises(DependencyUnavailable, match=r"'127\.0\.0\.1'.*connect by a name"):
        send(server, tls, authority.file, host="127.0.0.1", user=USER)
    assert server.encrypted == []


def test_a_certificate_that_has_expired_is_an_outage(tls: Tls, authority: Authority) -> None:
    old = serving(authority.issue("old", HOST, expired=True))
    with (
        SmtpServer(old, implicit=tls is Tls.IMPLICIT) as server,
        pytest.raises(DependencyUnavailable, match=r"expired.*renew the server's certificate"),
    ):
        send(server, tls, authority.file, user=USER)
    assert server.encrypted == []


def test_a_server_without_starttls_gets_no_mail_in_plain_text(authority: Authority) -> None:
    with SmtpServer() as server:
        server.answers["STAR"] = "502 5.5.1 what is that?"
        with pytest.raises(DependencyUnavailable, match=r"502 .* \(to STARTTLS\)"):
            send(server, Tls.STARTTLS, authority.file, user=USER)
    assert server.commands == ["EHLO orders.example", "STARTTLS"]


def test_what_is_said_before_tls_is_not_taken_for_what_is_said_over_it(
    files: TlsFiles, authority: Authority
) -> None:
    with SmtpServer(serving(files)) as server:
        server.answers["STAR"] = "220 go on\r\n250 hello"
        with pytest.raises(DependencyUnavailable, match="before TLS began"):
            send(server, Tls.STARTTLS, authority.file)
    assert server.mails == []


def test_no_tls_at_a_port_for_tls_says_what_to_set(files: TlsFiles, authority: Authority) -> None:
    with (
        SmtpServer(serving(files), implicit=True) as server,
        pytest.raises(DependencyUnavailable, match="SMTP_TLS=implicit"),
    ):
        send(server, Tls.OFF, authority.file, seconds=0.3)


def test_tls_at_a_port_without_it_is_an_outage(authority: Authority) -> None:
    with (
        SmtpServer() as server,
        pytest.raises(DependencyUnavailable, match="does not seem to speak TLS"),
    ):
        send(server, Tls.IMPLICIT, authority.file)


def test_a_file_of_authorities_that_is_gone_is_an_outage(
    server: SmtpServer, tls: Tls, tmp_path: Path
) -> None:
    with pytest.raises(DependencyUnavailable, match="gone cannot be used for TLS: No such file"):
        send(server, tls, tmp_path / "gone")


def test_a_server_that_hangs_after_tls_is_bounded_as_before(
    server: SmtpServer, tls: Tls, authority: Authority
) -> None:
    server.answers["MAIL"] = HANG
    with pytest.raises(DependencyUnavailable):
        send(server, tls, authority.file, seconds=0.3)
