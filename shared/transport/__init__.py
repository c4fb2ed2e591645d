"""The interface of every broker: a few verbs, the same on each.

`connect(url)` chooses the broker from the scheme of the URL. Objects connect when first used, and
must not be used in both processes after a fork.
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

#: How many days a broker keeps events for a replay, unless its address says otherwise.
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

        Raises PublishFailed with the ids of the confirmed ones, or BrokerUnavailable: it is then
        unknown which are confirmed, so publish all of them again. The next call reconnects.
        """


class Delivery(Protocol):
    """One message in flight at a consumer. Settle it with exactly one of the three verbs.

    Each may be called from any thread, and raises BrokerUnavailable when the delivery no longer
    belongs to this consumer; the broker then redelivers it.
    """

    @property
    def message(self) -> Message: ...

    def ack(self) -> None:
        """The work is done."""

    def retry(self, after: float, failure: Failure | None) -> None:
        """Redeliver after about `after` seconds, to this service alone.

        With a failure, the redelivery counts as another attempt, and `after` is a rung of the
        ladder. Without one (a deferral), the attempt stays the same, and the broker may redeliver
        a little earlier or later than `after`.
        """

    def dead_letter(self, reason: str) -> None:
        """Give up: keep the message, byte for byte and with its history, for people to inspect."""


class Subscription(_Closing, Protocol):
    """The messages that one consumer receives. Consumers of the same service share its messages.

    `close` returns unsettled messages to the broker, for another consumer.
    """

    def receive(self, max_messages: int, timeout: float) -> Sequence[Delivery]:
        """Wait up to `timeout` seconds for one message, then take others that are available.

        Raises BrokerUnavailable when the connection is lost: subscribe again.
        """

    def problem(self) -> str | None:
        """The known reason why waiting messages are not delivered; None if there is none."""

    def held(self) -> int:
        """The number of settled deliveries whose settlement the broker has not confirmed yet."""


class DeadLetters(Protocol):
    """The dead letter queue of one service. Only a few letters are in memory at a time.

    Redrive and discard raise PartlyMoved when they fail after moving some.
    """

    def count(self) -> int:
        """The current number of dead letters."""

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        """The oldest `limit` dead letters, without removing them."""

    def scan(self) -> Generator[DeadLetter, None, None]:
        """All dead letters, in no particular order, without removing them. If you stop early,
        close the generator: until then, other readers may not see the letters already read.
        """

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        """Send dead letters back to the service's work queue, as new, and return them: all that
        have these handles, or without handles, the oldest `most`.
        """

    def discard(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        """Remove dead letters for good; selects and returns them as `redrive` does."""


class Broker(Protocol):
    """A broker. All verbs raise BrokerUnavailable when it is down."""

    def declare(self, services: Sequence[str]) -> None:
        """Create the queues that these services need. Safe to repeat; existing ones stay as is."""

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        """Names of missing queues and exchanges that these services need."""

    def different(self, services: Sequence[str]) -> Sequence[str]:
        """Names of those that exist with other properties than `declare` gives them.

        Creates and changes nothing. Raises BrokerForbids if the user may not declare.
        """

    def depth(self, service: str) -> Depth:
        """Raises QueuesMissing or another BrokerUnavailable when a queue does not exist."""

    def publisher(self) -> Publisher: ...

    def subscribe(self, service: str, *, prefetch: int) -> Subscription:
        """Start receiving, with at most `prefetch` unsettled messages at a time."""

    def dead_letters(self, service: str) -> DeadLetters: ...

    def archive(self, service: str) -> Archive:
        """The stored events, read by this service without moving any consumer's position."""

    def past(self) -> datetime | None:
        """The time from which a service that joins now gets all events; None: only new ones."""


def connect(url: str, ladder: Sequence[float] = LADDER) -> Broker:
    """The broker behind a URL. Raises SettingsError for an unsupported scheme."""
    # Not with a URL parser: its errors repeat invalid URLs, including their secrets.
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
    """The number of days for which a published event can be read. Raises SettingsError."""
    if url.partition("://")[0].lower() != "kafka":
        return KEPT_DAYS
    from shared.transport.kafka.address import address

    # Kafka deletes whole segments, once their newest record is old enough; a retention period
    # has seven segments.
    return address(url, LADDER).layout.retention_days * 8 / 7
