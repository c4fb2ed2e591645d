"""Certificates of tests, made on the spot: an authority and what it has issued."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tools.servers.tls import TlsFiles


class Authority:
    """Everything that it issues is in `folder`, and so is the file that says whom to trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        # PostgreSQL runs as a user of its own, who has to reach the files.
        folder.mkdir(mode=0o755, parents=True)
        self.file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *hosts: str, expired: bool = False) -> TlsFiles:
        """A certificate for these hosts; one that has `expired` did so yesterday."""
        ends = datetime.now(UTC) - timedelta(days=1) if expired else None
        issued = self._authority.issue_cert(*hosts, not_after=ends)
        files = TlsFiles(self.file, self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        files.key.write_bytes(_pkcs8(issued.private_key_pem.bytes()))
        files.key.chmod(0o600)
        return files


def serving(files: TlsFiles) -> ssl.SSLContext:
    """For a server in Python."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    return context


def _pkcs8(key: bytes) -> bytes:
    """Kafka reads no other kind."""
    loaded = load_pem_private_key(key, None)
    return bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
