"""Checks that a broker accepts connections, and that its TLS certificate is valid."""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from shared.errors import BrokerUnavailable
from shared.tls import client_context, explain_tls
from shared.transport.kafka.address import KafkaAddress

_CONNECT_TIMEOUT = 3.0
#: The property of librdkafka with the authorities that are trusted.
CA_FILE = "ssl.ca.location"
#: Properties with which librdkafka's handshake differs from the one that this module tries.
_OTHER_CHECKS = frozenset(
    {
        "enable.ssl.certificate.verification",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.password",
        "ssl.keystore.location",
    }
)


def reach(address: KafkaAddress) -> None:
    """Raise BrokerUnavailable if no broker accepts a connection.

    librdkafka would keep trying until the request times out, and then report only the timeout, or
    for any invalid certificate only that it is not trusted.
    """
    context = _context(address.client)
    refusals = []
    for server in address.servers:
        try:
            _connect(server, context)
        except OSError as error:
            refusals.append(f"{server[0]}:{server[1]}: {_explain(error, context)}")
        else:
            return
    raise BrokerUnavailable(f"Kafka: {'; '.join(refusals)}")


def _connect(server: tuple[str, int], context: ssl.SSLContext | None) -> None:
    with socket.create_connection(server, _CONNECT_TIMEOUT) as plain:
        if context:
            context.wrap_socket(plain, server_hostname=server[0]).close()


def _context(client: Mapping[str, str | int]) -> ssl.SSLContext | None:
    """None for plain text, and if only librdkafka can check the certificate: without a CA file it
    uses its own authorities, and its properties may relax the checks.
    """
    location = str(client.get(CA_FILE, ""))
    is_tls = str(client.get("security.protocol", "")).lower().endswith("ssl")
    if not is_tls or not Path(location).is_file() or client.keys() & _OTHER_CHECKS:
        return None
    names = ("ssl.certificate.location", "ssl.key.location")
    certificate, key = (str(client.get(name, "")) for name in names)
    return client_context(location, certificate, key)


def _explain(error: OSError, context: ssl.SSLContext | None) -> str:
    said = error.strerror or str(error)
    return explain_tls(said, f"{CA_FILE} in BROKER_URL") if context else said
