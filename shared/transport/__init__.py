"""How services reach a broker: a few verbs, the same on every broker.

`connect(url)` chooses the broker from the scheme of the URL. Nothing connects before it is
used, and no object here may be carried over a fork.
"""

from collections.abc import Collection, Generator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from shared.errors import SettingsError
from shared.transport.archive import Archive, Offset, Point, Span, Stored
from shared.transport.message import PART, DeadLetter, Depth, Failure, Message, PartlyMoved
from shared.transport.names import DEFERRAL

__all__ = [
    "DEFERRAL",
    "LADDER",
    "Archive",
    "Broker",
    "DeadLetter",
    "DeadLetters",
    "Delivery",
    "Depth",
    "Failure",
    "Message",
    "Offset",
    "PartlyMoved",
    "Point",
    "Publisher",
    "Span",
    "Stored",
    "Subscription",
    "connect",
    "kept_days",
]

#: Seconds to wait before the second, third and fourth attempt.
LADDER = (1.0, 5.0, 30.0)

#: How long a broker keeps events for a replay, where its address does not say otherwise.
KEPT_DAYS = 7.0


class _Closing(Protocol):
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class Publisher(_Closing, Protocol):
    def publish(self, messages: Sequence[Message]) -> None:
        """Publish to every bound queue; return once the broker has confirmed every message.

        Raises PublishFailed, which says which ones were confirmed, or BrokerUnavailable, after
        which it is unknown and they have to be published again. The next call connects anew.
        """


class Delivery(Protocol):
    """One message in the hands of a consumer. It ends in exactly one of three verbs.

    Each may be called from any thread and raises BrokerUnavailable when the delivery no longer
    belongs to this consumer; then the broker delivers it again.
    """

    @property
    def message(self) -> Message: ...

    def ack(self) -> None:
        """The work is done."""

    def retry(self, after: float, failure: Failure | None) -> None:
        """Deliver again after about `after` seconds: to this service alone.

        With a failure, an attempt is used and `after` is a rung of the ladder. Without one it
        is only not time yet: the attempt stays, and the broker may come back a little earlier
        or later than `after`.
        """

    def dead_letter(self, reason: str) -> None:
        """Give up: keep it, byte for byte and with its history, where people can look at it."""


class Subscription(_Closing, Protocol):
    """What one consumer receives. Consumers of the same service share its messages.

    `close` returns what was not settled to the broker, for somebody else.
    """

    def receive(self, max_messages: int, timeout: float) -> Sequence[Delivery]:
        """Wait up to `timeout` seconds for one message, then take what else is already there.

        Raises BrokerUnavailable when the connection is gone: subscribe again.
        """

    def trouble(self) -> str | None:
        """Why something that waits does not come, as far as is known; None when all is well."""

    def held(self) -> int:
        """How many deliveries have ended in a verb that the broker has not confirmed so far."""


class DeadLetters(Protocol):
    """The dead letter queue of one service. However many letters it has, few are in memory.

    Redrive and discard raise PartlyMoved when they fail after some have gone.
    """

    def count(self) -> int:
        """How many there are now."""

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        """Look at the oldest `limit` dead letters; all of them stay."""

    def scan(self) -> Generator[DeadLetter, None, None]:
        """Look at all of them, in no particular order; all of them stay. Close it if you leave it
        early: until then, nobody else may see those that were looked at.
        """

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        """Send back to the service's work queue, as new; return those that went: all that have
        these handles, or, where none are named, the oldest, so many at most.
        """

    def discard(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        """Remove for good, and choose and return as `redrive` does."""


class Broker(Protocol):
    """All verbs raise BrokerUnavailable when the broker is away."""

    def declare(self, services: Sequence[str]) -> None:
        """Create every queue that these services need. Safe to repeat; changes nothing."""

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        """Names of queues and exchanges that these services need and that do not exist."""

    def different(self, services: Sequence[str]) -> Sequence[str]:
        """Names of those that exist with other properties than `declare` gives them.

        Creates and changes nothing. Raises BrokerForbids when its user may not declare.
        """

    def depth(self, service: str) -> Depth:
        """Raises QueuesMissing or another BrokerUnavailable when a queue does not exist."""

    def publisher(self) -> Publisher: ...

    def subscribe(self, service: str, *, prefetch: int) -> Subscription:
        """Start to receive: at most `prefetch` messages unsettled at a time."""

    def dead_letters(self, service: str) -> DeadLetters: ...

    def archive(self, service: str) -> Archive:
        """The stored events of all services, read as this one; it moves nobody's position."""

    def past(self) -> datetime | None:
        """From when on a service that joins now receives every event; None: only new ones."""


def connect(url: str, ladder: Sequence[float] = LADDER) -> Broker:
    """The broker behind a URL. Raises SettingsError for a scheme that no transport serves."""
    # Not by taking the URL apart: what cannot be taken apart is repeated in the error, secrets too.
    scheme = url.partition("://")[0].lower()
    if scheme in ("amqp", "amqps"):
        from shared.transport.rabbitmq.broker import RabbitMQ

        return RabbitMQ(url, ladder)
    if scheme == "kafka":
        from shared.transport.kafka.broker import Kafka

        return Kafka(url, ladder)
    if scheme == "sqlite":
        from shared.transport.embedded.broker import EmbeddedBroker

        return EmbeddedBroker(url, ladder)
    known = "amqp://…, amqps://…, kafka://… or sqlite:///…"
    raise SettingsError(f"BROKER_URL takes {known}, not {scheme}://…")


def kept_days(url: str) -> float:
    """How many days after its publication an event can still be read. Raises SettingsError."""
    if url.partition("://")[0].lower() != "kafka":
        return KEPT_DAYS
    from shared.transport.kafka.address import address

    # A file goes as a whole, when its newest record is old enough; seven make up the retention.
    return address(url, LADDER).layout.retention_days * 8 / 7
