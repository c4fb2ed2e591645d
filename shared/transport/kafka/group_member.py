"""One member of a consumer group: the thread that polls, and never stops polling.

Kafka takes a consumer for dead that has not asked for more in `max.poll.interval.ms`. Handlers
may take as long as they like, because it is not they who ask: this thread fetches records,
pauses partitions of which enough is there, and commits what has been finished.
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

#: Seconds that a poll waits for a message, and by which pauses and commits may come late.
TICK = 0.05
#: How many messages are taken over at a time.
BATCH = 500
#: Seconds between commits: what was finished since the last one comes again after a crash.
COMMIT_EVERY = 0.2
#: How long a partition that goes to another consumer waits for the work in hand.
REVOKE_PATIENCE = 10.0
CLOSE_TIMEOUT = 15.0


class Member:
    """A member that is gone stays gone; whoever needs one makes another."""

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
        """`changed` guards `assigned`, and is notified of what arrives and of the end.
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
        self._is_away = False
        self._joined = threading.Event()
        self._committed: dict[Partition, int] = {}
        self._watch = PartitionWatch(self._group, silence)
        #: Should a call never return, Kafka gives the partitions to others, if there are any.
        self._hang_after = PATIENCE * silence
        self._polled_at = time.monotonic()
        self._commit_at = 0.0
        self._thread = threading.Thread(target=self._run, name=self._group, daemon=True)
        self._thread.start()

    def wait_joined(self, timeout: float) -> None:
        self._joined.wait(timeout)
        self.check()

    def check(self) -> None:
        """Raises BrokerUnavailable when the member is gone."""
        if self._gone:
            raise BrokerUnavailable(self._gone)

    def trouble(self) -> str | None:
        """Why nothing comes of a partition, or of all; None when all is well."""
        hangs = time.monotonic() - self._polled_at
        if hangs > self._hang_after:
            return f"the thread that asks Kafka for more has hung for {hangs:.0f} s"
        return self._watch.trouble or None

    def end(self, reason: str) -> None:
        """Leave the group soon, from any thread, without waiting."""
        with self._changed:
            self._gone = self._gone or reason
            self._changed.notify_all()
        self._joined.set()

    def close(self) -> None:
        """Commit what is finished, and leave. Where no broker is, others find out in time."""
        self.end("the subscription is closed")
        self._thread.join(CLOSE_TIMEOUT)

    # What follows runs in the member's thread.

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
            self._listen(consumer)
            if time.monotonic() >= self._commit_at:
                self._commit(consumer)

    def _fetch(self, consumer: Consumer) -> None:
        # What is there, or the first that comes: `consume` with a timeout would wait until it has
        # as many as it was asked for. Only one call, since each may move partitions, and what an
        # earlier one returned would belong to nobody.
        received = consumer.consume(BATCH, 0) or _alone(consumer.poll(TICK))
        for error in filter(None, map(failure, received)):
            self.end(f"Kafka: {error.str()}")
            return
        # Decoding takes the longest, and nobody has to wait for it.
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

    def _listen(self, consumer: Consumer) -> None:
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
        # Closing revokes the partitions, and that commits.
        consumer.close()

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error or any(partition.error for partition in partitions):
            log.info("offsets.not_committed", group=self._group, error=str(error))
            # Sent again with the next commit.
            self._committed.clear()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._watch.begin(consumer, named(partitions))
        with self._changed:
            self._assigned.assign(named(partitions))
            paused = self._assigned.paused()
        consumer.incremental_assign(partitions)
        # librdkafka remembers that a partition was paused when it left, and ours begin unpaused.
        consumer.resume(partitions)
        if paused:
            consumer.pause(listed(paused))
        self._joined.set()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """They go to another member: let the work on them end first, and say how far it came."""
        leaving = named(partitions)
        deadline = time.monotonic() + self._revoke_patience
        with self._changed:
            self._assigned.discard_fetched(leaving)
            while self._assigned.unfinished(leaving) and not self._gone:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            positions = self._assigned.positions(leaving)
            self._forget(leaving)
        if positions and not self._is_away:
            with suppress(KafkaException):
                # What is not committed is delivered again.
                consumer.commit(offsets=offsets(positions), asynchronous=False)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """They are another member's already: what was finished here must not be committed."""
        log.warning("partitions.lost", group=self._group, count=len(partitions))
        self._forget(named(partitions))
        consumer.incremental_unassign(partitions)

    def _forget(self, partitions: Sequence[Partition]) -> None:
        """Should they come back, others have worked on them meanwhile."""
        with self._changed:
            self._assigned.drop(partitions)
        self._watch.end(partitions)
        for partition in partitions:
            self._committed.pop(partition, None)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._is_away = True
            self.end(f"Kafka: {error.str()}")


def _alone(
    received: "confluent_kafka.Message[bytes, bytes] | None",
) -> list["confluent_kafka.Message[bytes, bytes]"]:
    # Compared with None, because a message without a body is false.
    return [] if received is None else [received]
