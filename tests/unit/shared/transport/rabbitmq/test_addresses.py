"""TLS in an amqps:// address, and what is refused instead of being ignored."""

import ssl
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.transport.rabbitmq.wire import parameters
from tests.certificates import Authority


def test_amqps_checks_certificate_and_host(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    own = authority.issue("client", "localhost")
    files = f"cacertfile={own.ca}&certfile={own.certificate}&keyfile={own.key}"
    for query in ("", f"?{files}", f"?cacertfile={own.ca}"):
        found = parameters(f"amqps://u:p@mq.example/v{query}", "tests")
        assert found.ssl_options
        context = found.ssl_options.context
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert (found.ssl_options.server_hostname, found.port) == ("mq.example", 5671)


def test_amqp_is_plain_text() -> None:
    assert parameters("amqp://u:p@mq.example/v", "tests").ssl_options is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("amqp://u:secret@h/v?cacertfile=/ca.pem", "amqp:// is plain text"),
        ("amqps://u:secret@h/v?cacertfile=/no/such", "/no/such cannot be used for TLS"),
        ("amqps://u:secret@h/v?ssl_options=%7B%7D", "no ssl_options"),
        ("amqps://u:secret@h/v?keyfile=/key.pem", "keyfile needs a certfile"),
    ],
)
def test_what_would_not_be_safe_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        parameters(url, "tests")
    assert "secret" not in str(caught.value)
