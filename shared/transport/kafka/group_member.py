"""One member of a consumer group: a thread that polls without interruption.

Kafka considers a consumer dead if it has not polled for `max.poll.interval.ms`. Handlers may take
any time, because they run elsewhere: this thread fetches records, pauses partitions with enough
fetched records, and commits finished offsets.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from shared.errors import BrokerUnavailable
from shared.transport.kafka.address import KafkaAddress
from shared.transport.kafka.assigned_partitions import AssignedPartitions, End, Partition
from shared.transport.kafka.consumer_settings import SETTINGS
from shared.transport.kafka.partition_watch import PartitionWatch
from shared.transport.kafka.silent_partitions import PATIENCE, SILENCE
from shared.transport.kafka.topic_partitions import listed, named, offsets
from shared.transport.kafka.wire import arrival, explain, failure

log = structlog.get_logger()

#: Seconds that a poll waits for a message, and by which pauses and commits may be late.
TICK = 0.05
#: The most messages received at a time.
BATCH = 500
#: Seconds between commits: records finished since the last one are redelivered after a crash.
COMMIT_EVERY = 0.2
#: How long the revocation of a partition waits for the work in hand.
REVOKE_PATIENCE = 10.0
CLOSE_TIMEOUT = 15.0


class Member:
    """A member that has left never rejoins; create another one."""

    def __init__(
        self,
        address: KafkaAddress,
        service: str,
        topics: Iterable[str],
        assigned: AssignedPartitions,
        changed: threading.Condition,
        *,
        revoke_patience: float = REVOKE_PATIENCE,
        silence: float = SILENCE,
        make_consumer: Callable[[dict[str, Any]], Consumer] = Consumer,
    ) -> None:
        """`changed` guards `assigned`, and is notified of arrivals and of the end.
        `make_consumer` gets librdkafka's settings.
        """
        self._assigned = assigned
        self._changed = changed
        self._topics = list(topics)
        self._group = address.layout.group(service)
        self._revoke_patience = revoke_patience
        self._settings = {**SETTINGS, **address.client, "group.id": self._group}
        self._make_consumer = make_consumer
        self._gone = ""
        self._is_unavailable = False
        self._joined = threading.Event()
        self._committed: dict[Partition, int] = {}
        self._watch = PartitionWatch(self._group, silence)
        #: If a call never returns, Kafka reassigns the partitions to other consumers, if any.
        self._hang_after = PATIENCE * silence
        self._polled_at = time.monotonic()
        self._commit_at = 0.0
        self._thread = threading.Thread(target=self._run, name=self._group, daemon=True)
        self._thread.start()

    def wait_joined(self, timeout: float) -> None:
        self._joined.wait(timeout)
        self.check()

    def check(self) -> None:
        """Raise BrokerUnavailable if the member has left."""
        if self._gone:
            raise BrokerUnavailable(self._gone)

    def problem(self) -> str | None:
        """The reason why partitions deliver nothing; None if there is no problem."""
        hangs = time.monotonic() - self._polled_at
        if hangs > self._hang_after:
            return f"the thread that polls Kafka has hung for {hangs:.0f} s"
        return self._watch.problem or None

    def end(self, reason: str) -> None:
        """Leave the group soon, from any thread, without waiting."""
        with self._changed:
            self._gone = self._gone or reason
            self._changed.notify_all()
        self._joined.set()

    def close(self) -> None:
        """Commit finished offsets and leave the group; without a broker, the session times out."""
        self.end("the subscription is closed")
        self._thread.join(CLOSE_TIMEOUT)

    # The methods below run in the member's thread.

    def _run(self) -> None:
        try:
            consumer = self._make_consumer(
                {**self._settings, "error_cb": self._on_error, "on_commit": self._on_commit}
            )
            try:
                self._consume(consumer)
            finally:
                self._leave(consumer)
        except KafkaException as error:
            self.end(f"Kafka: {explain(error)}")
        finally:
            self.end("the consumer's thread ended")

    def _consume(self, consumer: Consumer) -> None:
        consumer.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        while not self._gone:
            self._polled_at = time.monotonic()
            self._fetch(consumer)
            self._regulate(consumer)
            self._watch_partitions(consumer)
            if time.monotonic() >= self._commit_at:
                self._commit(consumer)

    def _fetch(self, consumer: Consumer) -> None:
        # All available messages, or the first to arrive: `consume` with a timeout would wait for a
        # full batch. Only one of the two calls may return messages, since each call may revoke
        # partitions, and with them messages that an earlier call returned.
        received = consumer.consume(BATCH, 0) or _alone(consumer.poll(TICK))
        for error in filter(None, map(failure, received)):
            self.end(f"Kafka: {error.str()}")
            return
        # Decode outside of the lock: it takes the longest.
        arrived = [arrival(message) for message in received]
        self._watch.note(consumer, arrived)
        now = time.time()
        with self._changed:
            for each in arrived:
                if isinstance(each, End):
                    self._assigned.reach(each)
                else:
                    self._assigned.offer(each, now)
            self._changed.notify_all()

    def _watch_partitions(self, consumer: Consumer) -> None:
        with self._changed:
            paused = self._assigned.paused()
        if stuck := self._watch.look(consumer, paused):
            self.end(stuck)

    def _regulate(self, consumer: Consumer) -> None:
        with self._changed:
            pause, resume = self._assigned.to_pause(), self._assigned.to_resume()
        if pause:
            consumer.pause(listed(pause))
        if resume:
            consumer.resume(listed(resume))

    def _commit(self, consumer: Consumer) -> None:
        self._commit_at = time.monotonic() + COMMIT_EVERY
        with self._changed:
            positions = self._assigned.positions()
        news = {p: at for p, at in positions.items() if self._committed.get(p) != at}
        if news:
            self._committed |= news
            consumer.commit(offsets=offsets(news), asynchronous=True)

    def _leave(self, consumer: Consumer) -> None:
        # Closing revokes the partitions, which commits their offsets.
        consumer.close()

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error or any(partition.error for partition in partitions):
            log.info("offsets.not_committed", group=self._group, error=str(error))
            # The next commit sends them again.
            self._committed.clear()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._watch.begin(consumer, named(partitions))
        with self._changed:
            self._assigned.assign(named(partitions))
            paused = self._assigned.paused()
        consumer.incremental_assign(partitions)
        # librdkafka keeps a partition paused across a reassignment, but ours start unpaused.
        consumer.resume(partitions)
        if paused:
            consumer.pause(listed(paused))
        self._joined.set()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Partitions move to another member: finish the work in hand, commit, then give them up."""
        leaving = named(partitions)
        deadline = time.monotonic() + self._revoke_patience
        with self._changed:
            self._assigned.discard_fetched(leaving)
            while self._assigned.unfinished(leaving) and not self._gone:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            positions = self._assigned.positions(leaving)
            self._forget(leaving)
        if positions and not self._is_unavailable:
            with suppress(KafkaException):
                # Uncommitted records are redelivered.
                consumer.commit(offsets=offsets(positions), asynchronous=False)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another member already has the partitions: their offsets must not be committed."""
        log.warning("partitions.lost", group=self._group, count=len(partitions))
        self._forget(named(partitions))
        consumer.incremental_unassign(partitions)

    def _forget(self, partitions: Sequence[Partition]) -> None:
        """Drop all state of the partitions: other members may process them meanwhile."""
        with self._changed:
            self._assigned.drop(partitions)
        self._watch.end(partitions)
        for partition in partitions:
            self._committed.pop(partition, None)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._is_unavailable = True
            self.end(f"Kafka: {error.str()}")


def _alone(
    received: "confluent_kafka.Message[bytes, bytes] | None",
) -> list["confluent_kafka.Message[bytes, bytes]"]:
    # Compared with None, because a message without a body is falsy.
    return [] if received is None else [received]
