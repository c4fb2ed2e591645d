"""Converts URLs, messages and errors for pika, and opens brief connections."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosed, ConnectionClosed, IncompatibleProtocolError

from shared.errors import BrokerUnavailable, SettingsError
from shared.tls import client_context, explain_tls
from shared.transport.message import Message, from_headers, to_headers
from shared.transport.rabbitmq.headers import TolerantConnection

#: Each can be overridden in the query of BROKER_URL. Without `blocked_connection_timeout`, a
#: publisher would hang while the broker is short of memory or disk space.
CONNECTION_SETTINGS = {
    "heartbeat": "30",
    "blocked_connection_timeout": "20",
    "socket_timeout": "5",
    "stack_timeout": "10",
    "connection_attempts": "2",
    "retry_delay": "0.2",
}

#: Files for TLS, in the query of an amqps:// URL. Source: RabbitMQ's URI query parameters.
CA_FILE, CERTIFICATE, KEY = TLS_FILES = ("cacertfile", "certfile", "keyfile")

PREFIX = "cloudEvents_"
#: The CloudEvents binding for AMQP allows this spelling too, and some producers use it.
_OTHER_PREFIX = "cloudEvents:"

#: The reason why and the time when a consumer dead-lettered the message.
REASON_HEADER = "x-reason"
AT_HEADER = "x-dead-lettered-at"

#: The most bytes in AMQP's short strings (message_id, type, routing keys).
SHORT = 255
#: All headers together have to fit into one frame, 128 KiB by default. A longer header is
#: truncated; otherwise the broker would close the connection whenever the message is published.
_LONGEST_HEADER = 2000


def parameters(url: str, name: str) -> pika.URLParameters:
    """The connection parameters; the broker's management pages show `name`.

    Raises SettingsError, whose message does not contain the URL and its password.
    """
    try:
        parts = urlsplit(url)
        query = {**CONNECTION_SETTINGS, **dict(parse_qsl(parts.query))}
        tls = _tls(parts.scheme, query)
        result = pika.URLParameters(parts._replace(query=urlencode(query)).geturl())
    except (ValueError, TypeError):
        raise SettingsError(
            "BROKER_URL is not of the form amqp://user:password@host:5672/vhost "
            "(percent-encode reserved characters in it)"
        ) from None
    result.ssl_options = pika.SSLOptions(tls, result.host) if tls else None
    result.client_properties = {"connection_name": name}
    return result


def _tls(scheme: str, query: dict[str, str]) -> ssl.SSLContext | None:
    """Take the files for TLS out of the query. None for amqp://, which is plain text."""
    files = [query.pop(name, "") for name in TLS_FILES]
    if "ssl_options" in query:
        raise SettingsError(f"BROKER_URL takes {', '.join(TLS_FILES)}, and no ssl_options")
    if files[2] and not files[1]:
        raise SettingsError(f"BROKER_URL: {KEY} needs a {CERTIFICATE}")
    if scheme == "amqps":
        return client_context(*files)
    if any(files):
        raise SettingsError("BROKER_URL: amqp:// is plain text; with these files write amqps://")
    return None


def properties(message: Message, extra: Mapping[str, str] | None = None) -> pika.BasicProperties:
    """The properties of a persistent message: its own headers and the `extra` ones."""
    headers = {**to_headers(message, PREFIX), **(extra or {})}
    return pika.BasicProperties(
        content_type="application/json",
        delivery_mode=pika.DeliveryMode.Persistent.value,
        message_id=short(message.id),
        type=short(message.type),
        app_id=short(message.source),
        timestamp=int(time.time()),
        headers={name: _fitting(value) for name, value in headers.items()},
    )


def short(text: str) -> str | None:
    """The text if it fits into an AMQP short string; the headers contain it in any case."""
    return text if text and len(text.encode("utf-8", "replace")) <= SHORT else None


def _fitting(text: str) -> str:
    if text.isascii():
        return text[:_LONGEST_HEADER]
    return text[:_LONGEST_HEADER].encode("utf-8", "replace").decode()


def read(properties: pika.BasicProperties, body: bytes) -> Message:
    """The message; foreign producers may have omitted any header."""
    headers = {
        _name(key): value if isinstance(value, str) else text(value)
        for key, value in (properties.headers or {}).items()
    }
    return from_headers(headers, body, PREFIX)


# All messages have the same few header names.
@lru_cache(maxsize=100)
def _name(key: str | bytes) -> str:
    name = text(key)
    return PREFIX + name.removeprefix(_OTHER_PREFIX) if name.startswith(_OTHER_PREFIX) else name


def text(value: object) -> str:
    """A header value as text. Tables and lists become ""; none of our headers is one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.isoformat()
    # pika has its own subclass of int, whose str() is "1L".
    return str(int(value)) if isinstance(value, int) else ""


def explain(error: BaseException) -> str:
    """The message of the innermost of pika's nested exceptions."""
    if isinstance(error, (ConnectionClosed, ChannelClosed)):
        return str(error.reply_text)
    if isinstance(error, ssl.SSLError):
        return explain_tls(error, f"{CA_FILE} in BROKER_URL")
    if isinstance(error, IncompatibleProtocolError):
        return "it does not speak AMQP in plain text (a port for TLS needs amqps:// in BROKER_URL)"
    for inner in _inside(error):
        return explain(inner)
    return str(error) or type(error).__name__


def _inside(error: BaseException) -> list[BaseException]:
    found = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args]
    return [inner for inner in reversed(found) if isinstance(inner, BaseException)]


@contextmanager
def brief_connection(url: str, name: str) -> Iterator[pika.BlockingConnection]:
    """A connection for a rare operation; pika's errors inside become BrokerUnavailable."""
    try:
        with _connect(parameters(url, name)) as connection:
            yield connection
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise BrokerUnavailable(f"RabbitMQ: {explain(error)}") from error


def _connect(to: pika.URLParameters) -> pika.BlockingConnection:
    # pika annotates this parameter as an instance, but needs a class.
    return pika.BlockingConnection(to, _impl_class=TolerantConnection)  # type: ignore[arg-type]


@contextmanager
def brief_channel(url: str, name: str) -> Iterator[BlockingChannel]:
    with brief_connection(url, name) as connection:
        yield connection.channel()


def int_header(properties: pika.BasicProperties, name: str) -> int:
    """The integer in a header; 0 if it is missing or not an integer."""
    value = (properties.headers or {}).get(name)
    return int(value) if isinstance(value, int) else 0
