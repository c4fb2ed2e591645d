"""The files with which a server of the tests speaks TLS."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TlsFiles:
    """In PEM: the authorities that are trusted, the server's certificate, and its key (PKCS #8)."""

    ca: Path
    certificate: Path
    key: Path
