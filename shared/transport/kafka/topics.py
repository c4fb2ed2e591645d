"""The topics and groups on Kafka and their settings, as data; this module opens no connection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.transport import names

#: Enough for the largest message of the conformance tests, with its headers.
LARGEST_MESSAGE = 4 * 1024 * 1024
#: A service republishes messages with a reason and an origin added to the headers.
LARGEST_KEPT = 2 * LARGEST_MESSAGE
_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The names and settings of topics; `prefix` separates several pipelines on one cluster."""

    prefix: str
    partitions: int
    replication: int
    retention_days: float
    ladder: Sequence[float]

    def events(self) -> str:
        return self.prefix + names.EVENTS_TOPIC

    def group(self, service: str) -> str:
        return self.prefix + names.group(service)

    def own(self, service: str) -> str:
        """What the names of all topics begin with that belong to this service alone."""
        return f"{self.prefix}{names.EVENTS_TOPIC}.{names.group(service)}."

    def replays(self) -> str:
        """What the groups of those begin with that read stored events and commit nothing."""
        return f"{self.prefix}replay-"

    def retries(self, service: str, existing: Iterable[str] = ()) -> dict[str, float]:
        """The topic of each rung, and its delay in seconds.

        Includes the rungs of earlier ladders among the `existing` topics.
        """
        found = {topic: names.rung(service, topic.removeprefix(self.prefix)) for topic in existing}
        earlier = {
            topic: rung
            for topic, rung in found.items()
            if rung and topic == self.retry(service, rung)
        }
        return {self.retry(service, rung): rung for rung in names.rungs(self.ladder)} | earlier

    def retry(self, service: str, rung: float) -> str:
        return self.prefix + names.retry_topic(service, rung)

    def redriven(self, service: str) -> str:
        return self.prefix + names.redrive_topic(service)

    def dead(self, service: str) -> str:
        return self.prefix + names.dead_letter_topic(service)

    def delays(self, service: str, existing: Iterable[str] = ()) -> dict[str, float]:
        """Every topic that a service consumes, and its delay in seconds."""
        retries = self.retries(service, existing)
        return {self.events(): 0.0, self.redriven(service): 0.0, **retries}

    def topics(self, services: Sequence[str]) -> list[Topic]:
        """The topics that these services need; none if there are no services."""
        events = [self._log(self.events(), LARGEST_MESSAGE)] if services else []
        return events + [topic for service in services for topic in self._topics(service)]

    def _topics(self, service: str) -> list[Topic]:
        own = [self.redriven(service), *self.retries(service)]
        return [*(self._log(name, LARGEST_KEPT) for name in own), self._table(self.dead(service))]

    def _log(self, name: str, largest: int) -> Topic:
        retention = self.retention_days * _DAY_MS
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(round(retention)),
            # Kafka deletes whole segments, once their newest record is old enough. With the
            # default segments of seven days, the oldest record would stay for fourteen.
            "segment.ms": str(max(1, round(retention / 7))),
            # The broker's clock decides for all: when a retry is due, when a record is old enough
            # to be deleted, where a replay from a time begins.
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(largest),
        }
        return self._topic(name, self.partitions, settings)

    def _table(self, name: str) -> Topic:
        # Compacted: a dead letter stays until a record without a body deletes it. One partition,
        # so that dead letters have a total order.
        settings = {"cleanup.policy": "compact", "max.message.bytes": str(LARGEST_KEPT)}
        return self._topic(name, 1, settings)

    def _topic(self, name: str, partitions: int, settings: dict[str, str]) -> Topic:
        # With three replicas one may be down, and confirmed records are still in two places.
        in_sync = max(1, self.replication - 1)
        settings = {**settings, "min.insync.replicas": str(in_sync)}
        if in_sync == 1:
            # Kafka confirms records in memory and relies on replicas. Without replicas, a power
            # failure would lose records that the outbox has already deleted.
            settings["flush.messages"] = "1"
        return Topic(name, partitions, self.replication, settings)
