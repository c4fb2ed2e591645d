"""`python -m bench.yardsticks.kafka_groups URL COUNT`: a producer, and four groups that do nothing.

Prints orders per second, from the first one produced until every group has read all of them. The
client commits offsets automatically.
"""

import sys
import time
import uuid
from multiprocessing import Barrier, Process
from multiprocessing.synchronize import Barrier as Ready

from confluent_kafka import Consumer, Producer

from bench.orders import body
from shared.transport import LADDER
from shared.transport.kafka.address import address
from shop.consumers import CONSUMERS

#: Records that one call hands over.
BATCH = 500


def consume(servers: str, topic: str, count: int, ready: Ready) -> None:
    group = {"group.id": f"bare-{uuid.uuid4().hex}", "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": servers, **group})
    assigned: list[object] = []
    consumer.subscribe([topic], on_assign=lambda _consumer, partitions: assigned.extend(partitions))
    found = 0
    while not assigned:
        found += len(consumer.consume(BATCH, 0.1))
    ready.wait()
    while found < count:
        found += len(consumer.consume(BATCH, 1.0))
    ready.wait()
    consumer.close()


def main(url: str, count: int) -> None:
    where = address(url, LADDER)
    servers = str(where.client["bootstrap.servers"])
    ready = Barrier(len(CONSUMERS) + 1)
    topic = where.layout.events()
    read = (servers, topic, count, ready)
    groups = [Process(target=consume, args=read) for _ in CONSUMERS]
    for group in groups:
        group.start()
    ready.wait()
    began = time.perf_counter()
    produce(servers, topic, count)
    ready.wait()
    print(count / (time.perf_counter() - began))


def produce(servers: str, topic: str, count: int) -> None:
    content = body("ord-0123456789abcdef0123456789abcdef")
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True})
    for _ in range(count):
        producer.produce(topic, content)
        # Its queue has room for 100,000; what was confirmed makes room.
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
