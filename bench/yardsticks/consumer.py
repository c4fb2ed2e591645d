"""`python -m bench.yardsticks.consumer URL QUEUE COUNT EVERY`: parses, acks every EVERY.

Prints messages per second; the first tenth only starts the clock, as for the service.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import cast

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

#: As many as the service takes.
PREFETCH = 200


class BareConsumer:
    def __init__(self, count: int, every: int) -> None:
        self._count = count
        self._every = every
        self._warm_up = count // 10
        self._handled = 0
        self._began = self.seconds = 0.0

    @property
    def rate(self) -> float:
        return (self._count - self._warm_up) / self.seconds

    def run(self, url: str, queue: str, when_ready: Callable[[], object] = lambda: None) -> None:
        """Until all are handled. `when_ready` is called once it has asked for them."""
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=PREFETCH)
            channel.basic_consume(queue, self.handle)
            when_ready()
            channel.start_consuming()

    def handle(
        self,
        channel: BlockingChannel,
        method: Basic.Deliver,
        _properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        json.loads(body)
        self._handled += 1
        if self._handled % self._every == 0:
            channel.basic_ack(cast(int, method.delivery_tag), multiple=self._every > 1)
        if self._handled == self._warm_up:
            self._began = time.perf_counter()
        if self._handled == self._count:
            self.seconds = time.perf_counter() - self._began
            channel.stop_consuming()


def main(url: str, queue: str, count: int, every: int) -> None:
    consumer = BareConsumer(count, every)
    consumer.run(url, queue)
    print(consumer.rate)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
