"""`python -m bench.yardsticks.handler URL QUEUE COUNT`: how old messages are when handled.

Prints "ready", then, when all have come, a JSON list of ages in seconds.
"""

import json
import sys
import time
from typing import cast

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic


def main(url: str, queue: str, count: int) -> None:
    ages: list[float] = []

    def handle(
        channel: BlockingChannel,
        method: Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        json.loads(body)
        # The publisher's clock is this machine's; its headers say when it published.
        ages.append(time.time() - float(str((properties.headers or {})["sent"])))
        channel.basic_ack(cast(int, method.delivery_tag))
        if len(ages) == count:
            channel.stop_consuming()

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=200)
        channel.basic_consume(queue, handle)
        print("ready", flush=True)
        channel.start_consuming()
    print(json.dumps(ages))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
