"""Reads the stream in which RabbitMQ keeps events, up to its end when the reading began.

AMQP 0-9-1 cannot query the length of a stream. So the reader starts reading, publishes an end
mark (a message to the exchange `replay`, which routes to the stream and to no work queue), and
stops at its mark. It skips the marks of other readers.
Source: RabbitMQ's guide to streams, section on AMQP 0-9-1 clients.
"""

import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import NamedTuple, cast

import pika
from pika.channel import Channel
from pika.spec import Basic

from shared.errors import BrokerUnavailable
from shared.transport.archive import Offset, Point, Span, Stored, bare
from shared.transport.message import Message
from shared.transport.names import EVENTS_EXCHANGE, EVENTS_STREAM, REPLAY_EXCHANGE, end_mark
from shared.transport.rabbitmq.confirms import Outgoing, outgoing
from shared.transport.rabbitmq.connection import Link
from shared.transport.rabbitmq.headers import date
from shared.transport.rabbitmq.publisher import CONFIRM_TIMEOUT
from shared.transport.rabbitmq.wire import int_header, read

#: The most messages in flight to the reader; it acknowledges those that it has read.
PREFETCH = 500
ACK_EVERY = 100
#: Seconds within which the next message or the mark has to arrive.
SILENCE = 30.0
#: The broker looks up a time by its own clock, which may be behind that of the publisher.
CLOCKS_DIFFER = timedelta(minutes=1)
EPOCH = datetime.fromtimestamp(0, UTC)


class _Arrived(NamedTuple):
    tag: int
    exchange: str
    offset: int
    time: datetime
    message: Message


class RabbitArchive:
    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._service = service

    def read(self, span: Span) -> Generator[Stored, None, None]:
        """Times are those of the publishers, in whole seconds, which is RabbitMQ's resolution."""
        start, end = bare(span.start), bare(span.end)
        # For an offset beyond the end, RabbitMQ would wait and skip our mark.
        if isinstance(start, Offset) and start.number >= self._next_offset():
            return
        with closing(self._arrivals(_attach_at(start))) as arrivals:
            for arrived in arrivals:
                if _is_past(end, arrived):
                    return
                if arrived.exchange == EVENTS_EXCHANGE and _is_within(start, end, arrived):
                    yield Stored(str(arrived.offset), arrived.time, arrived.message)

    def _next_offset(self) -> int:
        """The offset of the next event: one more than that of an end mark published now."""
        with closing(self._arrivals("next")) as arrivals:
            return max(arrived.offset for arrived in arrivals) + 1

    def _arrivals(self, attach_at: "str | int | datetime") -> Generator[_Arrived, None, None]:
        """Messages from there up to an end mark published after the reading began, inclusive."""
        mark = _mark(self._service)
        reader = _Reader(self._url, attach_at)
        try:
            reader.publish(mark)
            yield from reader.until(mark.id)
        finally:
            reader.close()


class _Reader:
    """A consumer of the stream, in a connection of its own."""

    def __init__(self, url: str, attach_at: "str | int | datetime") -> None:
        self._attach_at = attach_at
        #: A message with an invalid time gets the time of the previous one.
        self._time = attach_at if isinstance(attach_at, datetime) else EPOCH
        #: None marks the end: the connection is lost.
        self._arrived: SimpleQueue[_Arrived | None] = SimpleQueue()
        self._link = Link(url, "replay", start=self._start, on_gone=lambda: self._arrived.put(None))

    def publish(self, mark: Outgoing) -> None:
        self._link.publish([mark], timeout=CONFIRM_TIMEOUT)

    def until(self, mark_id: str) -> Iterator[_Arrived]:
        is_over = False
        while not is_over:
            arrived = self._next()
            yield arrived
            is_over = arrived.exchange == REPLAY_EXCHANGE and arrived.message.id == mark_id
            if arrived.tag % ACK_EVERY == 0:
                self._acknowledge(arrived.tag)

    def _next(self) -> _Arrived:
        try:
            arrived = self._arrived.get(timeout=SILENCE)
        except Empty:
            raise BrokerUnavailable(
                f"RabbitMQ: {EVENTS_STREAM} sent nothing for {SILENCE:g} s"
            ) from None
        if arrived is None:
            self._link.check()
            raise BrokerUnavailable(f"RabbitMQ: the connection to {EVENTS_STREAM} is lost")
        return arrived

    def _acknowledge(self, tag: int) -> None:
        """Ask for more messages: an acknowledgement deletes nothing from a stream."""
        self._link.call(lambda: self._channel.basic_ack(tag, multiple=True))

    def close(self) -> None:
        self._link.close()

    # The methods below run in the link's thread.

    def _start(self, link: Link, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_cancel_callback(lambda _frame: link.drop("the stream was deleted"))
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(
            EVENTS_STREAM,
            self._on_message,
            arguments={"x-stream-offset": self._attach_at},
            callback=lambda _frame: link.opened(),
        )

    def _on_message(
        self,
        _channel: Channel,
        method: Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        self._time = date(properties.timestamp) or self._time
        self._arrived.put(
            _Arrived(
                tag=cast(int, method.delivery_tag),
                exchange=str(method.exchange),
                offset=int_header(properties, "x-stream-offset"),
                time=self._time,
                message=read(properties, body),
            )
        )


def _mark(service: str) -> Outgoing:
    message = Message(
        id=str(uuid.uuid4()), type="replay.end", source=service, time="", key="", body=b""
    )
    return outgoing(message, REPLAY_EXCHANGE, end_mark(service))


def _attach_at(start: Point | None) -> "str | int | datetime":
    if isinstance(start, Offset):
        return start.number
    # AMQP has no time before 1970.
    if start is None or start < EPOCH + CLOCKS_DIFFER:
        return "first"
    return start - CLOCKS_DIFFER


def _is_past(end: Point | None, arrived: _Arrived) -> bool:
    """Whether no later message is before `end`. Only offsets are ordered; times may not be."""
    return isinstance(end, Offset) and arrived.offset >= end.number


def _is_within(start: Point | None, end: Point | None, arrived: _Arrived) -> bool:
    if isinstance(start, Offset) and arrived.offset < start.number:
        return False
    if isinstance(start, datetime) and arrived.time < start.replace(microsecond=0):
        return False
    return not (isinstance(end, datetime) and arrived.time >= end)
