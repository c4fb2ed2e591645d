"""What is said of a handshake that failed, and of files that are no good."""

from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.tls import client_context, explain_tls
from tests.certificates import Authority


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("certificate verify failed: certificate has expired", "renew the server's certificate"),
        ("certificate verify failed: certificate is not yet valid", "set the clock"),
        ("certificate verify failed: Hostname mismatch", "connect by a name that is in"),
        ('server certificate for "a" does not match host name "b"', "connect by a name"),
        ("certificate verify failed: self-signed certificate", "WHOM_TO_TRUST takes the file"),
        ("SSL error: certificate verify failed", "WHOM_TO_TRUST takes the file"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "does not seem to speak TLS"),
    ],
)
def test_a_refusal_comes_with_advice(said: str, advice: str) -> None:
    explained = explain_tls(said, "WHOM_TO_TRUST")
    assert explained.startswith(f"{said} (")
    assert advice in explained


def test_what_is_not_about_tls_stays_as_it_is() -> None:
    assert explain_tls(OSError("no route"), "WHOM_TO_TRUST") == "no route"


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    files = Authority(tmp_path / "authority").issue("client", "localhost")
    with pytest.raises(SettingsError, match="no-such-file cannot be used for TLS: No such file"):
        client_context("no-such-file")
    with pytest.raises(SettingsError, match=r"client\.key cannot be used for TLS"):
        client_context(str(files.key))
    with pytest.raises(SettingsError, match=r"ca\.pem cannot be used for TLS"):
        client_context(str(files.ca), str(files.ca))


def test_a_key_with_a_password_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    files = Authority(tmp_path / "authority").issue("client", "localhost")
    files.key.write_text(ENCRYPTED_KEY)
    with pytest.raises(SettingsError, match=r"client\.key cannot be used for TLS"):
        client_context(str(files.ca), str(files.certificate), str(files.key))


#: With the password "secret".
ENCRYPTED_KEY = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBC9u9mJumUZU3QtBH2h
sgp2AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQd1YnabW+Qe95E9oK
nGauGASBkB8MDCWWyAOSMUCH7sOxsNCgEiIZN/ldO6GN1yn/oN40hXTbm6dYKh7/
KOTwXx8Hk8m6I0tbFujHQKdVL+V96cl8rp52H3uOk/itvR8IXa7Wj2ZYMVtvnGZv
7koJ4EC1WlpXLf4y8zR9kM1urrPh4hcznpGIjaSo5PCmC0njc+aTSm/rTfgr+4pY
SIQ13d2UGA==
-----END ENCRYPTED PRIVATE KEY-----
"""
