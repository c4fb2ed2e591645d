"""`python -m bench.yardsticks.rabbitmq_groups URL COUNT`: four groups that do nothing.

Prints orders per second, from the first one published until every group has acknowledged all.
"""

import sys
import time
from multiprocessing import Barrier, Process
from multiprocessing.synchronize import Barrier as Ready

from bench.yardsticks.consumer import BareConsumer
from bench.yardsticks.publisher import BarePublisher
from shared.transport.names import work_queue
from shop.consumers import CONSUMERS

#: Messages that share an acknowledgement.
EVERY = 100


def consume(url: str, queue: str, count: int, ready: Ready) -> None:
    BareConsumer(count, EVERY).run(url, queue, when_ready=ready.wait)


def main(url: str, count: int) -> None:
    ready = Barrier(len(CONSUMERS) + 1)
    groups = [
        Process(target=consume, args=(url, work_queue(name), count, ready)) for name in CONSUMERS
    ]
    for group in groups:
        group.start()
    ready.wait()
    began = time.perf_counter()
    BarePublisher(url, count).run()
    for group in groups:
        group.join()
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
