"""Whether a broker can be reached at all, and over TLS, whether it is the right one."""

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
#: With these, the handshake is not what this module would make of it.
_OTHER_CHECKS = frozenset(
    {
        "enable.ssl.certificate.verification",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.password",
        "ssl.keystore.location",
    }
)


def reach(address: KafkaAddress) -> None:
    """Raises BrokerUnavailable when no broker takes a connection.

    librdkafka would keep trying until the timeout of the question, and then say no more than
    that it was over, or that a certificate is not trusted, whatever is wrong with it.
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
    """None for plain text, and for what only librdkafka can judge: it has authorities of its own,
    if none are named, and it may have been told to check less.
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
