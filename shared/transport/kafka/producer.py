"""Publishing to Kafka: a batch goes out together, and each record of it is decided."""

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

#: By then librdkafka has decided about each record, after as many attempts as it could make.
DELIVERY_TIMEOUT = 25.0
CONFIRM_TIMEOUT = 30.0
#: Seconds without any broker after which a batch is given up; whoever publishes tries again.
OUTAGE = 2.0
#: Seconds between looks at an outage, and at what other threads have served, during a flush.
TICK = 0.05

SETTINGS = {
    # Repeats of a request are recognised by the broker, and records keep their order.
    "enable.idempotence": True,
    "acks": "all",
    # As Java's producers do, so that all send the same key to the same partition.
    "partitioner": "murmur2_random",
    "delivery.timeout.ms": round(DELIVERY_TIMEOUT * 1000),
    # A batch is flushed, so nothing is gained by waiting for more.
    "linger.ms": 0,
    "message.max.bytes": 8 * 1024 * 1024,
}


class Sender:
    """Safe for several threads, which share one client. Nothing connects before the first use."""

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
            # What it still had would be written later, when the caller has already tried again.
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
        # An idempotent producer asks for its number half a second after it found no connection
        # to ask over, and at first there is none. So first there has to be one.
        with translated():
            self._producer.list_topics(timeout=REQUEST_TIMEOUT)

    def send(self, records: Sequence[Outgoing], batch: Batch) -> None:
        for number, record in enumerate(records):
            self._produce(record, partial(batch.decide, number))
        self._wait(batch)
        if not batch.is_decided:
            self.purge()

    def _wait(self, batch: Batch) -> None:
        """Until all is decided, or for as long as that can be hoped for."""
        deadline = time.monotonic() + CONFIRM_TIMEOUT
        self._all_down_since, undecided = None, batch.undecided
        while undecided and time.monotonic() < deadline and not self._is_outage():
            self._producer.flush(TICK)
            if batch.undecided < undecided:
                self._all_down_since, undecided = None, batch.undecided

    def purge(self) -> None:
        """Decide about all that is under way: it failed, as far as we know."""
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
                # Its own queue is full: let some of it go out first.
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
