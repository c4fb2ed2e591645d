"""Publishes batches of records to Kafka, and waits for the outcome of each record."""

import threading
import time
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.kafka.address import REQUEST_TIMEOUT, KafkaAddress
from shared.transport.kafka.batch import Batch, Outgoing
from shared.transport.kafka.reaching import reach
from shared.transport.kafka.wire import translated

#: Seconds after which librdkafka gives a record up, after as many attempts as possible.
DELIVERY_TIMEOUT = 25.0
CONFIRM_TIMEOUT = 30.0
#: Seconds without any broker after which a batch is given up; the caller retries.
OUTAGE = 2.0
#: Seconds between checks during a flush, for an outage and for records that other threads served.
TICK = 0.05

SETTINGS = {
    # The broker recognises repeated requests, and records keep their order.
    "enable.idempotence": True,
    "acks": "all",
    # Like Java's producers, so that all send the same key to the same partition.
    "partitioner": "murmur2_random",
    "delivery.timeout.ms": round(DELIVERY_TIMEOUT * 1000),
    # A batch is flushed, so waiting for more records gains nothing.
    "linger.ms": 0,
    "message.max.bytes": 8 * 1024 * 1024,
}


class Sender:
    """Thread-safe; all threads share one client, which connects when first used."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._client: _Client | None = None

    def send(self, records: Sequence[Outgoing]) -> None:
        """Return once all are confirmed. Raises PublishFailed or BrokerUnavailable."""
        client = self._connected()
        batch = Batch(records)
        client.send(records, batch)
        try:
            batch.check()
        except (PublishFailed, BrokerUnavailable):
            # The client's remaining records would be published after the caller's retry.
            self._drop(client)
            raise

    def _connected(self) -> "_Client":
        with self._lock:
            self._client = self._client or _Client(self._address)
            return self._client

    def _drop(self, client: "_Client") -> None:
        with self._lock:
            if self._client is client:
                self._client = None

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.purge()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


class _Client:
    def __init__(self, address: KafkaAddress) -> None:
        reach(address)
        self._all_down_since: float | None = None
        with translated():
            self._producer = Producer({**SETTINGS, **address.client, "error_cb": self._on_error})
        # Without a connection, an idempotent producer waits half a second before it requests its
        # producer id. So connect first.
        with translated():
            self._producer.list_topics(timeout=REQUEST_TIMEOUT)

    def send(self, records: Sequence[Outgoing], batch: Batch) -> None:
        for number, record in enumerate(records):
            self._produce(record, partial(batch.decide, number))
        self._wait(batch)
        if not batch.is_decided:
            self.purge()

    def _wait(self, batch: Batch) -> None:
        """Wait until all records are decided, up to CONFIRM_TIMEOUT or an outage."""
        deadline = time.monotonic() + CONFIRM_TIMEOUT
        self._all_down_since, undecided = None, batch.undecided
        while undecided and time.monotonic() < deadline and not self._is_outage():
            self._producer.flush(TICK)
            if batch.undecided < undecided:
                self._all_down_since, undecided = None, batch.undecided

    def purge(self) -> None:
        """Count all records in flight as failed."""
        self._producer.purge()
        self._producer.flush(TICK)

    def _produce(self, record: Outgoing, decide: "_Decide") -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    value=record.body,
                    key=record.key,
                    headers=record.headers,
                    on_delivery=decide,
                )
            except BufferError:
                # librdkafka's queue is full: let it send some records first.
                self._producer.poll(TICK)
            except KafkaException as error:
                return decide(error.args[0], None)
            else:
                return None

    def _is_outage(self) -> bool:
        since = self._all_down_since
        return since is not None and time.monotonic() - since > OUTAGE

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._all_down_since is None:
            self._all_down_since = time.monotonic()


class _Decide(Protocol):
    def __call__(self, error: KafkaError | None, record: object, /) -> None: ...
