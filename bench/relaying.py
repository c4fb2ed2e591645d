"""Events relayed per second, from outbox to confirm, compared with a bare pika publisher."""

import time
from functools import partial

from bench.orders import empty_queues, fill_outbox
from bench.rounds import Goal, RoundRow, Tell, alternate, compare, per_second
from bench.testbed import Testbed, run_yardstick, scalar, wait_for
from orderctl.stack.stack import Stack

COUNT = 20_000


def measure(testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with testbed.stack("relaying") as stack:
        stack.start("order-relay")
        stack.wait_ready(["order-relay"])
        sides = [partial(_relay, stack), partial(_publish, stack)]
        for side in sides:
            side()
        ours, theirs = alternate(rounds, sides, tell, per_second)
    target = Goal(0.45)
    return [compare("events relayed to RabbitMQ", "bare pika publisher", ours, theirs, target)]


def _relay(stack: Stack) -> float:
    """The clock starts after the first batch, since the relay may have been sleeping before."""
    database_url = stack.plan.database_urls("order")
    fill_outbox(database_url, COUNT)
    samples = [(time.perf_counter(), COUNT)]

    def is_empty() -> bool:
        left = scalar(database_url, "SELECT count(*) FROM outbox")
        samples.append((time.perf_counter(), left))
        return left == 0

    wait_for(is_empty, "an empty outbox", every=0.02)
    began, left = next(sample for sample in samples if sample[1] < COUNT)
    empty_queues(stack.plan.broker_url)
    return left / (samples[-1][0] - began)


def _publish(stack: Stack) -> float:
    rate = float(run_yardstick("publisher", stack.plan.broker_url, str(COUNT)))
    empty_queues(stack.plan.broker_url)
    return rate
