"""Parses a kafka:// URL: servers, client settings and the layout of topics."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from shared.errors import SettingsError
from shared.transport.kafka.topics import Layout

#: Seconds for one request to the broker.
REQUEST_TIMEOUT = 10.0

#: Settings of every client. The query of BROKER_URL can override them, and set any other property
#: of librdkafka, whose names all contain a dot.
CLIENT_SETTINGS: Mapping[str, str | int] = {
    # Do not write each refused connection to stderr: errors are raised as exceptions as well.
    "log_level": 0,
    # Reconnect soon after an outage; the default is up to 10 s.
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 500,
    "topic.metadata.propagation.max.ms": 2000,
    "allow.auto.create.topics": "false",
}
#: The delivery guarantees depend on these, so the query cannot set them.
_OURS = frozenset(
    {
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.protocol",
        "request.required.acks",
    }
)
#: Both names are taken.
_MECHANISM = frozenset({"sasl.mechanism", "sasl.mechanisms"})
_LAYOUT = {"partitions": "6", "replication": "1", "retention_days": "7"}


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """A parsed kafka:// URL; `servers` are the host and port of one broker or more."""

    servers: Sequence[tuple[str, int]]
    client: Mapping[str, str | int]
    layout: Layout


def address(url: str, ladder: Sequence[float]) -> KafkaAddress:
    """Parse the URL. Raises SettingsError, whose message contains no secrets of the URL."""
    try:
        parts = _split(url)
        query = dict(_query(parts.query))
        user, at, hosts = parts.netloc.rpartition("@")
        servers = [_server(host) for host in hosts.split(",")]
        properties = _properties(query)
        _check_protocol(properties, has_user=bool(at))
        layout = _layout(parts.path, query, ladder)
    except ValueError as error:
        raise SettingsError(
            "BROKER_URL is not of the form kafka://host:9092[,host:9092][/prefix]"
            f"[?partitions=6&replication=1&retention_days=7]: {error}"
        ) from None
    client = {"bootstrap.servers": hosts, **CLIENT_SETTINGS, **properties}
    return KafkaAddress(servers, client | (_credentials(user) if at else {}), layout)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # The original message repeats the host and the credentials before it.
        raise ValueError("a host or a port is missing or malformed") from None


def _query(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, strict_parsing=bool(text))
    except ValueError:
        # The original message repeats the invalid part, such as half a password with an & in it.
        raise ValueError("the part after the ? has to be name=value, separated by &") from None


def _properties(query: dict[str, str]) -> dict[str, str]:
    """Remove librdkafka's properties from the query and return them."""
    found = {name: query.pop(name) for name in list(query) if "." in name}
    if ours := found.keys() & _OURS:
        raise ValueError(f"{', '.join(sorted(ours))} cannot be set")
    return found


def _check_protocol(properties: Mapping[str, str], *, has_user: bool) -> None:
    """Reject a login without SASL: librdkafka defaults to plain text and then omits the login."""
    protocol = properties.get("security.protocol", "plaintext").lower()
    is_login = protocol.startswith("sasl_") and properties.keys() & _MECHANISM
    if has_user and not is_login:
        raise ValueError(
            "a user needs security.protocol=sasl_ssl&sasl.mechanism=SCRAM-SHA-512, or another "
            "mechanism, or sasl_plaintext where nobody can listen"
        )
    if not protocol.endswith("ssl") and any(name.startswith("ssl.") for name in properties):
        raise ValueError("properties of ssl need security.protocol=ssl or sasl_ssl")


def _server(text: str) -> tuple[str, int]:
    matched = re.fullmatch(r"([^\s:]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})", text)
    if matched is None or not 1 <= int(matched[2]) <= 65535:
        raise ValueError("a host or a port is missing or malformed")
    return matched[1].strip("[]"), int(matched[2])


def _layout(path: str, query: Mapping[str, str], ladder: Sequence[float]) -> Layout:
    name = path.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", name):
        raise ValueError("the prefix takes letters, digits, - and _")
    if unknown := query.keys() - _LAYOUT.keys():
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
    settings = {**_LAYOUT, **query}
    partitions, replication = int(settings["partitions"]), int(settings["replication"])
    days = float(settings["retention_days"])
    if not (1 <= partitions <= 1000 and 1 <= replication <= 9 and 0 < days <= 36500):
        raise ValueError("partitions, replication or retention_days is out of range")
    return Layout(
        prefix=f"{name}." if name else "",
        partitions=partitions,
        replication=replication,
        retention_days=days,
        ladder=tuple(ladder),
    )


def _credentials(user: str) -> dict[str, str]:
    name, _, password = user.partition(":")
    return {"sasl.username": unquote(name), "sasl.password": unquote(password)}
