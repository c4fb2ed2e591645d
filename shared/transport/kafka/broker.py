"""The Apache Kafka broker, version 4.0 and newer. Its topics are in `topics`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from shared.errors import QueuesMissing, SettingsError
from shared.transport.kafka.address import address
from shared.transport.kafka.admin import asking, check_properties, committed
from shared.transport.kafka.archive import KafkaArchive
from shared.transport.kafka.assigned_partitions import Partition
from shared.transport.kafka.dead_letters import KafkaDeadLetters
from shared.transport.kafka.permissions import permissions
from shared.transport.kafka.publisher import KafkaPublisher
from shared.transport.kafka.subscription import KafkaSubscription
from shared.transport.kafka.topics import Topic
from shared.transport.message import Depth


class Kafka:
    """The cluster behind a kafka:// URL."""

    def __init__(self, url: str, ladder: Sequence[float]) -> None:
        # Reports an invalid URL at start, not at the first message.
        self._address = address(url, ladder)
        check_properties(self._address)
        self._layout = self._address.layout

    def declare(self, services: Sequence[str]) -> None:
        wanted = self._layout.topics(services)
        with asking(self._address) as admin:
            known = admin.partitions()
            admin.create([topic for topic in wanted if topic.name not in known])
        if differences := self._differences(services):
            raise SettingsError(
                f"topics exist with other partitions, replicas or settings: "
                f"{_by_difference(differences)}. Nothing was changed. Either put the existing "
                f"values into BROKER_URL (?partitions=…&replication=…&retention_days=…), or change "
                f"the topics"
            )

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        with asking(self._address) as admin:
            absent = self._absent(services, admin.partitions())
            admin.expect_seen(absent)
            return absent

    def grant(self, services: Sequence[str]) -> None:
        """Allow the relay, the operator and these services what they need, where Kafka denies
        what is not allowed.
        """
        with asking(self._address) as admin:
            admin.grant(permissions(self._layout, services))

    def _absent(self, services: Sequence[str], existing: Collection[str]) -> list[str]:
        wanted = self._layout.topics(services)
        return [topic.name for topic in wanted if topic.name not in existing]

    def different(self, services: Sequence[str]) -> Sequence[str]:
        return list(self._differences(services))

    def _differences(self, services: Sequence[str]) -> dict[str, str]:
        """The differences by topic name."""
        wanted = {topic.name: topic for topic in self._layout.topics(services)}
        with asking(self._address) as admin:
            actual = admin.actual(list(wanted.values()))
        return {
            topic.name: _difference(wanted[topic.name], topic)
            for topic in actual
            if topic != wanted[topic.name]
        }

    def depth(self, service: str) -> Depth:
        """Unlike on RabbitMQ, `ready` includes records in progress."""
        layout = self._layout
        with asking(self._address) as admin:
            existing = admin.partitions()
            topics = admin.partitions_of(list(layout.delays(service, existing)))
            partitions = [partition for each in topics.values() for partition in each]
            # In this order, a message that moves meanwhile is counted twice rather than not at
            # all: it is first published to its new topic, then settled in the old one.
            done = committed(self._address, layout.group(service), partitions)
            dead = KafkaDeadLetters(self._address, service).count()
            bounds = admin.bounds(partitions)
        lag = {name: _lag(each, done, bounds) for name, each in topics.items()}
        retrying = sum(lag[name] for name in layout.retries(service, existing))
        ready = sum(lag.values()) - retrying
        return Depth(ready=ready, retrying=retrying, dead=dead, counts_held=True)

    def publisher(self) -> KafkaPublisher:
        return KafkaPublisher(self._address)

    def subscribe(self, service: str, *, prefetch: int) -> KafkaSubscription:
        with asking(self._address) as admin:
            existing = admin.partitions()
        if missing := self._absent([service], existing):
            raise QueuesMissing(missing, {})
        # Rungs of earlier ladders are consumed as well, since records may be waiting there.
        delays = self._layout.delays(service, existing)
        return KafkaSubscription(self._address, service, delays, prefetch=prefetch)

    def dead_letters(self, service: str) -> KafkaDeadLetters:
        return KafkaDeadLetters(self._address, service)

    def archive(self, service: str) -> KafkaArchive:
        return KafkaArchive(self._address)

    def past(self) -> datetime:
        return KafkaArchive(self._address).since()


def _difference(wanted: Topic, actual: Topic) -> str:
    (want, have) = (
        {"partitions": topic.partitions, "replication": topic.replication, **topic.settings}
        for topic in (wanted, actual)
    )
    return ", ".join(
        f"{name} is {have[name]}, not {want[name]}" for name in want if have[name] != want[name]
    )


def _by_difference(differences: Mapping[str, str]) -> str:
    """The topics grouped by difference, since many may differ in the same way."""
    topics: dict[str, list[str]] = {}
    for name, difference in differences.items():
        topics.setdefault(difference, []).append(name)
    return "; ".join(f"{difference} in {', '.join(names)}" for difference, names in topics.items())


def _lag(
    partitions: Sequence[Partition],
    done: Mapping[Partition, int],
    bounds: Mapping[Partition, tuple[int, int]],
) -> int:
    """The number of records after the committed offsets; before the first commit, all of them."""
    return sum(
        max(0, bounds[partition][1] - max(done.get(partition, 0), bounds[partition][0]))
        for partition in partitions
    )
