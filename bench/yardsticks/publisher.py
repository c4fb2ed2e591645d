"""`python -m bench.yardsticks.publisher URL COUNT`: publishes with pipelined confirms.

Prints messages per second, from the first one sent to the last one confirmed.
"""

import sys
import time

import pika
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from bench.orders import bare_properties, body
from shared.events import ORDER_PLACED
from shared.transport.names import EVENTS_EXCHANGE

#: How many may wait for their confirm; more did not make it faster.
WINDOW = 1000


class BarePublisher:
    def __init__(self, url: str, count: int) -> None:
        self._body = body("ord-0123456789abcdef0123456789abcdef")
        self._properties = bare_properties()
        self._count = count
        self._sent = 0
        self._waiting: set[int] = set()
        self._oldest = 1
        self.seconds = 0.0
        self._connection = pika.SelectConnection(
            pika.URLParameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._begin),
            on_close_callback=lambda connection, _error: connection.ioloop.stop(),
        )

    def run(self) -> float:
        self._connection.ioloop.start()
        return self._count / self.seconds

    def _begin(self, channel: Channel) -> None:
        self._channel = channel
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._fill())
        self._began = time.perf_counter()

    def _fill(self) -> None:
        while self._sent < self._count and len(self._waiting) < WINDOW:
            self._channel.basic_publish(EVENTS_EXCHANGE, ORDER_PLACED, self._body, self._properties)
            self._sent += 1
            self._waiting.add(self._sent)

    def _on_confirm(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        if not isinstance(frame.method, Basic.Ack):
            raise RuntimeError("the broker refused a message")
        tag = frame.method.delivery_tag
        if frame.method.multiple:
            self._waiting.difference_update(range(self._oldest, tag + 1))
            self._oldest = tag + 1
        else:
            self._waiting.discard(tag)
        self._fill()
        if not self._waiting:
            self.seconds = time.perf_counter() - self._began
            self._connection.close()


if __name__ == "__main__":
    print(BarePublisher(sys.argv[1], int(sys.argv[2])).run())
