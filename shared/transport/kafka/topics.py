"""Which topics and groups exist on Kafka, and with which settings: data, no connection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.transport import names

#: Room for the largest message that the tests of every broker send, with its headers.
LARGEST_MESSAGE = 4 * 1024 * 1024
#: What a service writes is what it has read, with reasons and origin added to the headers.
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
    """How topics are made and what they are called; `prefix` keeps several pipelines apart."""

    prefix: str
    partitions: int
    replication: int
    retention_days: float
    ladder: Sequence[float]

    def events(self) -> str:
        return self.prefix + names.EVENTS_TOPIC

    def group(self, service: str) -> str:
        return self.prefix + names.group(service)

    def retries(self, service: str, existing: Iterable[str] = ()) -> dict[str, float]:
        """The topic of each rung, and how many seconds its records wait.

        Those among the existing topics are included that are rungs of an earlier ladder.
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
        """Every topic that a service consumes, and how long its records wait."""
        retries = self.retries(service, existing)
        return {self.events(): 0.0, self.redriven(service): 0.0, **retries}

    def topics(self, services: Sequence[str]) -> list[Topic]:
        """What these services need. Without any service there is nobody to write for."""
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
            # A file is deleted as a whole, when the newest record in it is old enough. With the
            # default, files of seven days, the oldest would stay for fourteen.
            "segment.ms": str(max(1, round(retention / 7))),
            # By the broker's clock, one for all: when a retry is due, what is old enough to be
            # deleted, where a replay from a time begins.
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(largest),
        }
        return self._topic(name, self.partitions, settings)

    def _table(self, name: str) -> Topic:
        # Compacted: a dead letter stays until a record without a body takes it away, however
        # long that takes. One partition, so that there is one order of what came first.
        settings = {"cleanup.policy": "compact", "max.message.bytes": str(LARGEST_KEPT)}
        return self._topic(name, 1, settings)

    def _topic(self, name: str, partitions: int, settings: dict[str, str]) -> Topic:
        # With three copies one may be unavailable, and what is confirmed is still in two places.
        in_sync = max(1, self.replication - 1)
        settings = {**settings, "min.insync.replicas": str(in_sync)}
        if in_sync == 1:
            # Kafka confirms what is in memory and counts on the other copies. Where there may be
            # none, a loss of power would take what the outbox has forgotten already.
            settings["flush.messages"] = "1"
        return Topic(name, partitions, self.replication, settings)
