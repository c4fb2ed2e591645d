"""TLS to brokers, databases and mail servers: what is checked, and what a refusal means."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import SettingsError

_NOT_TRUSTED = (
    "no authority that is trusted here has issued this certificate, or it is out of date: {trust} "
    "takes the file with the certificate of its authority"
)
#: What the libraries say, and what to do about it; the first match counts. OpenSSL has the same
#: words everywhere, but libpq and librdkafka leave most of them out.
_ADVICE = {
    "certificate has expired": "renew the server's certificate, or set the clock of this machine",
    "certificate is not yet valid": "set the clock of this machine, or of who issued it",
    "hostname mismatch|ip address mismatch|does not match host name": "connect by a name that is "
    "in the server's certificate, or have one issued for this name",
    "certificate verify failed": _NOT_TRUSTED,
    "wrong version number|eof occurred|record layer|reset by peer": "this port does not seem to "
    "speak TLS",
}


def explain_tls(reason: object, trust: str) -> str:
    """A failure in the libraries' words, and what to do about it where TLS is the reason.

    `trust` names the setting that says which authorities are trusted.
    """
    said = str(reason)
    for pattern, advice in _ADVICE.items():
        if re.search(pattern, said, re.IGNORECASE):
            return f"{said} ({advice.format(trust=trust)})"
    return said


def client_context(ca_file: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext:
    """For a client that checks the server's certificate and name, and may have one of its own.

    Without a file of authorities, those of the system are trusted. The files are PEM, and the key
    may be in that of the certificate. Raises SettingsError, which says which file is no good.
    """
    context = _trusting(ca_file)
    if certificate:
        with _reading(f"{certificate} {key}".strip()):
            # Without any password, OpenSSL would ask for one in the terminal.
            context.load_cert_chain(certificate, key or None, password="")
    return context


def _trusting(ca_file: str) -> ssl.SSLContext:
    with _reading(ca_file):
        return ssl.create_default_context(cafile=ca_file or None)


@contextmanager
def _reading(file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{file} cannot be used for TLS: {error.strerror or error}") from None
