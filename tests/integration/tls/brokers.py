"""A RabbitMQ and a Kafka whose clients may use TLS, behind one interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.servers import KafkaServer, RabbitMQServer
from tools.servers.kafka import KafkaAccess
from tools.servers.tls import TlsFiles

HOST = "localhost"
USER, PASSWORD = "shop", "a-password"
SCRAM = "SCRAM-SHA-512"
JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class TlsBroker(Protocol):
    """`port` is the one for TLS, `plain_url` an address without it. At `strict_port`, no client
    with a certificate of an unknown authority gets in.
    """

    @property
    def port(self) -> int: ...
    @property
    def strict_port(self) -> int: ...
    @property
    def plain_url(self) -> str: ...
    def url(
        self, ca: Path | None, *, host: str = HOST, port: int = 0, client: TlsFiles | None = None
    ) -> str:
        """Trusts `ca`, or the system's authorities; `client` is the certificate of the client."""

    def without_tls(self, port: int) -> str:
        """An address in plain text."""


@dataclass(frozen=True)
class TlsRabbitMQ:
    server: RabbitMQServer

    @property
    def port(self) -> int:
        return self.server.tls_port

    @property
    def strict_port(self) -> int:
        return self.server.tls_port

    @property
    def plain_url(self) -> str:
        return self.without_tls(self.server.port)

    def url(
        self, ca: Path | None, *, host: str = HOST, port: int = 0, client: TlsFiles | None = None
    ) -> str:
        query = f"?cacertfile={ca}" if ca else "?"
        if client:
            query += f"&certfile={client.certificate}&keyfile={client.key}"
        return f"amqps://guest:guest@{host}:{port or self.port}/%2F{query}"

    def without_tls(self, port: int) -> str:
        return f"amqp://guest:guest@{HOST}:{port}/%2F"


@dataclass(frozen=True)
class TlsKafka:
    """`login`: with a user and a password, over TLS."""

    server: KafkaServer
    login: bool

    @property
    def port(self) -> int:
        return self.server.ports["LOGIN" if self.login else "TLS"]

    @property
    def strict_port(self) -> int:
        return self.server.ports["LOGIN_STRICT" if self.login else "STRICT"]

    @property
    def plain_url(self) -> str:
        return self.without_tls(self.server.port)

    def url(
        self, ca: Path | None, *, host: str = HOST, port: int = 0, client: TlsFiles | None = None
    ) -> str:
        protocol = f"sasl_ssl&sasl.mechanism={SCRAM}" if self.login else "ssl"
        query = f"security.protocol={protocol}" + (f"&ssl.ca.location={ca}" if ca else "")
        if client:
            query += f"&ssl.certificate.location={client.certificate}"
            query += f"&ssl.key.location={client.key}"
        user = f"{USER}:{PASSWORD}@" if self.login else ""
        return f"kafka://{user}{host}:{port or self.port}/?partitions=1&{query}"

    def without_tls(self, port: int) -> str:
        return f"kafka://{HOST}:{port}/?partitions=1"


@contextmanager
def rabbitmq(files: TlsFiles, _folder: Path) -> Iterator[TlsBroker]:
    with RabbitMQServer(files) as server:
        yield TlsRabbitMQ(server)


@contextmanager
def kafka(files: TlsFiles, folder: Path) -> Iterator[TlsBroker]:
    with KafkaServer(_access(files, folder)) as server:
        yield TlsKafka(server, login=False)


@contextmanager
def kafka_with_login(files: TlsFiles, folder: Path) -> Iterator[TlsBroker]:
    with KafkaServer(_access(files, folder)) as server:
        yield TlsKafka(server, login=True)


def _access(files: TlsFiles, folder: Path) -> KafkaAccess:
    store = folder / "keystore.pem"
    store.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    return KafkaAccess(
        listeners={
            "PLAINTEXT": "PLAINTEXT",
            "TLS": "SSL",
            "STRICT": "SSL",
            "LOGIN": "SASL_SSL",
            "LOGIN_STRICT": "SASL_SSL",
        },
        host=HOST,
        settings={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(files.ca),
            "listener.name.strict.ssl.client.auth": "required",
            "listener.name.login_strict.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": SCRAM,
            f"listener.name.login.{SCRAM.lower()}.sasl.jaas.config": JAAS,
            f"listener.name.login_strict.{SCRAM.lower()}.sasl.jaas.config": JAAS,
        },
        format=["--add-scram", f"{SCRAM}=[name={USER},password={PASSWORD}]"],
    )
