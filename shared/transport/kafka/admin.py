"""Rare, brief requests to a Kafka cluster, each over its own connection."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from shared.errors import QueuesMissing, SettingsError
from shared.transport.kafka.address import REQUEST_TIMEOUT, KafkaAddress
from shared.transport.kafka.assigned_partitions import Partition
from shared.transport.kafka.permissions import Permission
from shared.transport.kafka.reaching import reach
from shared.transport.kafka.topics import Topic
from shared.transport.kafka.wire import Reasons, explain, translated

#: Seconds between two attempts of a request.
AGAIN_SECONDS = 0.05
_NOT_COORDINATED_YET = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
NO_AUTHORIZER = (
    "GRANT_PERMISSIONS is true, but this Kafka has no authorizer and so allows everything"
)
T = TypeVar("T")


class Admin:
    """Use it inside `asking`."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def partitions(self) -> dict[str, list[Partition]]:
        """Every topic of the cluster with its partitions."""
        found = self._client.list_topics(timeout=REQUEST_TIMEOUT).topics
        return {
            name: [(name, number) for number in topic.partitions] for name, topic in found.items()
        }

    def partitions_of(self, topics: Sequence[str]) -> dict[str, list[Partition]]:
        """The partitions of these topics. Raises QueuesMissing, without depths of the others."""
        known = self.partitions()
        if absent := [name for name in topics if name not in known]:
            raise QueuesMissing(absent, {})
        return {name: known[name] for name in topics}

    def expect_seen(self, topics: Sequence[str]) -> None:
        """Raises BrokerForbids where a topic is missing only for a user who may not see it.

        Only a question about one topic by its name tells the difference.
        """
        for name in topics[:1]:
            error = self._client.list_topics(name, timeout=REQUEST_TIMEOUT).topics[name].error
            if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise KafkaException(error)

    def grant(self, permissions: Sequence[Permission]) -> None:
        """Add to what there is; nothing is taken away."""
        wanted = [
            AclBinding(
                each.resource,
                each.name,
                each.pattern,
                f"User:{each.user}",
                "*",
                each.operation,
                AclPermissionType.ALLOW,
            )
            for each in permissions
        ]
        for granted in self._client.create_acls(wanted).values():
            try:
                granted.result(REQUEST_TIMEOUT)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.SECURITY_DISABLED:
                    raise SettingsError(NO_AUTHORIZER) from error
                raise

    def create(self, topics: Sequence[Topic]) -> None:
        """Create topics; return when they can be used. Existing ones are left unchanged."""
        if topics:
            self._create(topics)
            self._wait_usable([topic.name for topic in topics])

    def _create(self, topics: Sequence[Topic]) -> None:
        new = [
            NewTopic(topic.name, topic.partitions, topic.replication, config=dict(topic.settings))
            for topic in topics
        ]
        for created in self._client.create_topics(new).values():
            try:
                created.result(REQUEST_TIMEOUT)
            except KafkaException as error:
                # Another process created it first.
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def _wait_usable(self, topics: Sequence[str]) -> None:
        # The controller has created them; the brokers that will lead them learn of it later.
        deadline = time.monotonic() + REQUEST_TIMEOUT
        while True:
            try:
                known = self.partitions_of(topics)
                self.bounds([partition for each in known.values() for partition in each])
            except (QueuesMissing, KafkaException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(AGAIN_SECONDS)
            else:
                return

    def actual(self, topics: Sequence[Topic]) -> list[Topic]:
        """The existing ones of these topics, with their actual properties."""
        known = self._client.list_topics(timeout=REQUEST_TIMEOUT).topics
        existing = [topic for topic in topics if topic.name in known]
        resources = {
            topic.name: ConfigResource(ResourceType.TOPIC, topic.name) for topic in existing
        }
        asked = self._client.describe_configs(list(resources.values())) if resources else {}
        found = []
        for topic in existing:
            entries = asked[resources[topic.name]].result(REQUEST_TIMEOUT)
            settings = {name: str(entries[name].value) for name in topic.settings}
            partitions = known[topic.name].partitions
            replication = len(partitions[0].replicas)
            found.append(Topic(topic.name, len(partitions), replication, settings))
        return found

    def bounds(self, partitions: Collection[Partition]) -> dict[Partition, tuple[int, int]]:
        """By partition: the first available offset, and the offset of the next record."""
        begins = self._offsets(partitions, OffsetSpec.earliest())
        ends = self._offsets(partitions, OffsetSpec.latest())
        return {partition: (begins[partition], ends[partition]) for partition in partitions}

    def _offsets(self, partitions: Collection[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        if not partitions:
            return {}
        asked = self._client.list_offsets({TopicPartition(*p): spec for p in partitions})
        return {
            (p.topic, p.partition): offset.result(REQUEST_TIMEOUT).offset
            for p, offset in asked.items()
        }


def check_properties(address: KafkaAddress) -> None:
    """Raise SettingsError if librdkafka rejects the client's properties."""
    client = {name: value for name, value in address.client.items() if name != "bootstrap.servers"}
    try:
        # Without a server, it connects to nothing.
        Consumer({"group.id": "nobody", "group.protocol": "consumer", **client}).close()
    except KafkaException as error:
        raise SettingsError(f"BROKER_URL does not work for Kafka: {explain(error)}") from None


@contextmanager
def asking(address: KafkaAddress) -> Iterator[Admin]:
    """An admin client; the library's errors inside become BrokerUnavailable."""
    reach(address)
    reasons = Reasons()
    with translated(reasons):
        settings: dict[str, Any] = {**address.client, "error_cb": reasons}
        client = AdminClient(settings)
        try:
            yield Admin(client)
        except (KafkaException, TimeoutError):
            client.poll(0)
            raise


def committed(
    address: KafkaAddress, group: str, partitions: Collection[Partition]
) -> dict[Partition, int]:
    """The committed offsets of the group, without partitions that have none."""
    # The admin client has a request for this too, but in librdkafka 2.16 it crashes the process
    # while the group's coordinator is starting.
    settings = {"group.id": group, "group.protocol": "consumer", "enable.auto.commit": False}
    consumer = Consumer({**address.client, **settings})
    try:
        answer = asked_until_coordinated(
            lambda seconds: consumer.committed([TopicPartition(*p) for p in partitions], seconds)
        )
    finally:
        consumer.close()
    return {(p.topic, p.partition): p.offset for p in answer if p.offset >= 0}


def asked_until_coordinated(
    ask: Callable[[float], T],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Call `ask` with the remaining seconds; retry while the group has no coordinator yet.

    A Kafka that has just started lists its topics before it has loaded the committed offsets.
    Raises KafkaException after REQUEST_TIMEOUT.
    """
    deadline = clock() + REQUEST_TIMEOUT
    while True:
        try:
            return ask(max(0.0, deadline - clock()))
        except KafkaException as error:
            if error.args[0].code() not in _NOT_COORDINATED_YET or clock() >= deadline:
                raise
        sleep(AGAIN_SECONDS)
