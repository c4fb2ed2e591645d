"""What the email service takes from the environment for its mail server."""

from pathlib import Path

import pytest

from services.email.mail_server import MailServer, Tls
from services.email.settings import EmailSettings
from shared.errors import SettingsError
from shared.settings import load
from tests.certificates import Authority

GIVEN = {"BROKER_URL": "sqlite:///b.db", "DATABASE_URL": "sqlite:///d.db"}


def loaded(monkeypatch: pytest.MonkeyPatch, **settings: str) -> EmailSettings:
    for name, value in {**GIVEN, **settings}.items():
        monkeypatch.setenv(name, value)
    return load(EmailSettings)


def test_without_settings_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in ({}, {"SMTP_CA_FILE": "", "SMTP_USER": "", "SMTP_PASSWORD": ""}):
        found = loaded(monkeypatch, **settings).mail_server
        assert found == MailServer("127.0.0.1", 1025)


def test_a_mail_server_on_the_internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = Authority(tmp_path / "authority").file
    found = loaded(
        monkeypatch,
        SMTP_HOST="mail.example",
        SMTP_PORT="587",
        SMTP_TLS="starttls",
        SMTP_CA_FILE=str(ca),
        SMTP_USER="shop",
        SMTP_PASSWORD="secret",
    ).mail_server
    expected = MailServer("mail.example", 587, Tls.STARTTLS, str(ca), "shop", "secret")
    assert found == expected
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SMTP_TLS": "yes"}, "SMTP_TLS is 'yes', but takes off, starttls or implicit"),
        ({"SMTP_CA_FILE": "/no/such"}, "/no/such cannot be used for TLS: No such file"),
        (
            {"SMTP_USER": "shop", "SMTP_PASSWORD": "secret"},
            "SMTP_TLS is off, and its password would be sent in plain text",
        ),
        ({"SMTP_USER": "shop", "SMTP_TLS": "starttls"}, "SMTP_PASSWORD is not set"),
    ],
)
def test_what_would_not_be_safe_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        loaded(monkeypatch, **settings)
    assert "secret" not in str(caught.value)
