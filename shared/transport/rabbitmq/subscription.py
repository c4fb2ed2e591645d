"""Consumes from RabbitMQ: receives deliveries, and acknowledges, retries or dead-letters them.

Retries and dead letters are published over a second connection. When RabbitMQ is short of memory
or disk space, it stops reading from publishing connections; the acknowledgements, which free
space, must not be blocked with them. Up to `prefetch` deliveries can wait for the alarm to end.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, cast

import pika
import structlog
from pika.channel import Channel
from pika.spec import Basic

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.message import MAX_REASON, Failure, Message
from shared.transport.names import (
    DEAD_LETTER_EXCHANGE,
    RETRY_EXCHANGE,
    dead_letter_queue,
    deferral_rung,
    retry_queue,
    work_queue,
)
from shared.transport.rabbitmq.acks import Acks
from shared.transport.rabbitmq.confirms import Batch, Outgoing, outgoing
from shared.transport.rabbitmq.connection import Link
from shared.transport.rabbitmq.outgoing import RabbitOutgoing
from shared.transport.rabbitmq.wire import AT_HEADER, REASON_HEADER, int_header, read

log = structlog.get_logger()

#: Well below 100, the delivery limit of queues that older versions declared.
MANY_RETURNS = 50

#: Seconds for which a worker waits for a confirm, which usually comes within milliseconds.
PATIENCE = 2.0

CANCELLED = "it cancelled the consumer: the queue was deleted, or an ack took too long"


@dataclass(frozen=True, slots=True)
class RabbitDelivery:
    message: Message
    tag: int
    _subscription: "RabbitSubscription"
    #: The number of times that it was returned to the queue unsettled.
    returns: int = 0

    def ack(self) -> None:
        """Queue the acknowledgement for the connection's thread: several share one frame."""
        self._subscription.acknowledge(self)

    def retry(self, after: float, failure: Failure | None) -> None:
        self._subscription.retry(self, after, failure)

    def dead_letter(self, reason: str) -> None:
        self._subscription.dead_letter(self, reason)


class RabbitSubscription:
    """Call `receive` from one thread only; deliveries may be settled from any."""

    def __init__(self, url: str, service: str, ladder: Sequence[float], *, prefetch: int) -> None:
        self._service = service
        self._ladder = tuple(ladder)
        self._prefetch = prefetch
        self._acks = Acks()
        self._lock = threading.Lock()
        self._in_hand: set[int] = set()
        self._settled: list[int] = []
        #: None marks the end: the link is lost.
        self._arrived: SimpleQueue[RabbitDelivery | None] = SimpleQueue()
        name = work_queue(service)
        self._link = Link(url, name, start=self._start, on_gone=lambda: self._arrived.put(None))
        self._outgoing = RabbitOutgoing(url, f"{name} outgoing")
        #: Tags of deliveries whose retry or dead letter is not confirmed yet.
        self._held: set[int] = set()

    def receive(self, max_messages: int, timeout: float) -> Sequence[RabbitDelivery]:
        taken = self._take(max_messages, timeout)
        # Deliveries received over a lost link belong to the broker again.
        self._link.check()
        deliveries = [delivery for delivery in taken if delivery]
        with self._lock:
            self._in_hand.update(delivery.tag for delivery in deliveries)
        return [delivery for delivery in deliveries if not self._republished(delivery)]

    def _republished(self, delivery: RabbitDelivery) -> bool:
        """Republish a delivery with many returns, which resets their number; True if done.

        A crash counts as a return of every message in flight. The message that caused it is found
        by `shared.consuming.crash_suspects`, after three crashes.
        """
        if delivery.returns < MANY_RETURNS:
            return False
        log.warning("delivery.returned_often", event_id=delivery.message.id, times=delivery.returns)
        delivery.retry(min(self._ladder), None)
        return True

    def _take(self, max_messages: int, timeout: float) -> list[RabbitDelivery | None]:
        taken = []
        with suppress(Empty):
            taken.append(self._arrived.get(timeout=timeout))
            while len(taken) < max_messages:
                taken.append(self._arrived.get_nowait())
        return taken

    def acknowledge(self, delivery: RabbitDelivery) -> None:
        with self._lock:
            self._expect_in_hand(delivery)
            # Only the first of several schedules a flush, which takes the others along.
            if not self._settled:
                self._link.call(self._flush)
            self._in_hand.discard(delivery.tag)
            self._settled.append(delivery.tag)

    def retry(self, delivery: RabbitDelivery, after: float, failure: Failure | None) -> None:
        message = delivery.message.failed(failure) if failure else delivery.message
        queue = retry_queue(self._service, self._rung(after, failure))
        self._move(delivery, outgoing(message, RETRY_EXCHANGE, queue))

    def dead_letter(self, delivery: RabbitDelivery, reason: str) -> None:
        history = {REASON_HEADER: reason[:MAX_REASON], AT_HEADER: datetime.now(UTC).isoformat()}
        queue = dead_letter_queue(self._service)
        self._move(delivery, outgoing(delivery.message, DEAD_LETTER_EXCHANGE, queue, history))

    def _move(self, delivery: RabbitDelivery, message: Outgoing) -> None:
        """Publish first, then acknowledge: a crash in between causes a duplicate, never a loss."""
        with self._lock:
            self._expect_in_hand(delivery)
        try:
            batch = self._outgoing.send([message], partial(self._moved, delivery))
        except BrokerUnavailable as error:
            self._drop_link(error)
            raise
        # While the broker accepts nothing, the worker continues; the delivery stays in hand until
        # it is confirmed.
        if not batch.wait(0 if self.held() else PATIENCE):
            self._hold(delivery, batch)
            return
        try:
            batch.check()
        except PublishFailed as failed:
            raise BrokerUnavailable(f"RabbitMQ: {failed}") from failed

    def _moved(self, delivery: RabbitDelivery, batch: Batch) -> None:
        self._held.discard(delivery.tag)
        try:
            batch.check()
            self.acknowledge(delivery)
        except (PublishFailed, BrokerUnavailable) as error:
            self._drop_link(error)

    def _hold(self, delivery: RabbitDelivery, batch: Batch) -> None:
        message = delivery.message
        log.warning("delivery.held", event_id=message.id, order=message.key, reason="no confirm")
        self._held.add(delivery.tag)
        # The confirm may have arrived a moment ago: then nothing else would remove the tag.
        if batch.wait(0):
            self._held.discard(delivery.tag)

    def _drop_link(self, error: Exception) -> None:
        """Drop the link, so that the broker redelivers; otherwise it never would."""
        self._link.drop(str(error).removeprefix("RabbitMQ: "))

    def _rung(self, after: float, failure: Failure | None) -> float:
        if not failure:
            return deferral_rung(after, self._ladder)
        if after not in self._ladder:
            raise ValueError(f"{after} is not a rung of the ladder {self._ladder}")
        return after

    def _expect_in_hand(self, delivery: RabbitDelivery) -> None:
        self._link.check()
        if delivery.tag not in self._in_hand:
            raise BrokerUnavailable(f"{delivery.message.id} no longer belongs to this consumer")

    def problem(self) -> str | None:
        return None

    def held(self) -> int:
        """Deliveries that no worker has any more, and that no queue depth includes."""
        with self._lock:
            return len(self._held & self._in_hand)

    def close(self) -> None:
        """Send pending acknowledgements; all other deliveries return to the queue."""
        self._outgoing.close()
        self._link.close()

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

    # The methods below run in the link's thread.

    def _start(self, link: Link, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_cancel_callback(lambda _frame: link.drop(CANCELLED))
        channel.basic_qos(prefetch_count=self._prefetch)
        channel.basic_consume(
            work_queue(self._service), self._on_message, callback=lambda _frame: link.opened()
        )

    def _on_message(
        self,
        _channel: Channel,
        method: Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        tag = cast(int, method.delivery_tag)
        returns = int_header(properties, "x-delivery-count")
        self._arrived.put(RabbitDelivery(read(properties, body), tag, self, returns))

    def _flush(self) -> None:
        with self._lock:
            settled, self._settled = self._settled, []
        for ack in self._acks.coalesce(settled):
            self._channel.basic_ack(ack.tag, multiple=ack.multiple)
