"""The latency from the response 202 to the committed fact in analytics, at a fixed rate."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import quantiles

from bench.errors import BenchError
from bench.http_load import Client, TimedAnswer, post
from bench.orders import REQUEST, empty_queues
from bench.rounds import Goal, RoundRow, Tell, alternate, compare
from bench.testbed import Testbed, committed, execute, run_yardstick, scalar, wait_for
from orderctl.stack.environment import of_the_machine
from orderctl.stack.process import ROOT
from orderctl.stack.stack import Stack
from shared.transport.names import work_queue

RATE = 200
SECONDS = 10
COUNT = RATE * SECONDS
#: A request sent later than this after its due time has missed the schedule.
LATE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class MeasuredLatency:
    """Milliseconds; `late`: the number of requests that missed the schedule."""

    p50: float
    p99: float
    late: int = 0


def measure(testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with testbed.stack("latency") as stack:
        for part in ("order", "order-relay", "analytics"):
            stack.start(part)
        stack.wait_ready(["order", "order-relay", "analytics"])
        _through_the_services(stack)
        sides = [lambda: _through_the_services(stack), lambda: _through_pika(stack)]
        ours, theirs = alternate(rounds, sides, tell, _show)
    return [
        compare(
            f"from 202 to the effect, {quantile}",
            f"bare pika, publish to handled, {quantile}",
            [getattr(each, quantile) for each in ours],
            [getattr(each, quantile) for each in theirs],
            Goal(limit, of_ratio=False, at_least=False),
            unit=" ms",
        )
        for quantile, limit in (("p50", 15.0), ("p99", 60.0))
    ]


def _through_the_services(stack: Stack) -> MeasuredLatency:
    database_url = stack.plan.database_urls("analytics")
    request = post("/orders", REQUEST)
    with closing(Client(stack.plan.ports["order"], lambda: request)) as client:
        answers = client.scheduled(RATE, SECONDS)
    wait_for(
        lambda: scalar(database_url, "SELECT count(*) FROM facts") == COUNT,
        "all orders in analytics",
    )
    done = committed(database_url, "order_id", "facts")
    execute(database_url, "TRUNCATE inbox, facts, fact_items")
    empty_queues(stack.plan.broker_url)
    ages = [done[_order_id(answer)] - answer.came for answer in answers]
    return _latency(ages, sum(answer.sent - answer.due > LATE_SECONDS for answer in answers))


def _order_id(answer: TimedAnswer) -> str:
    return str(json.loads(answer.body)["orderId"])


def _through_pika(stack: Stack) -> MeasuredLatency:
    # A queue that analytics does not read.
    queue = work_queue("inventory")
    handler = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bench.yardsticks.handler",
            stack.plan.broker_url,
            queue,
            str(COUNT),
        ],
        cwd=ROOT,
        env=of_the_machine(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with handler:
        if not handler.stdout or handler.stdout.readline() != "ready\n":
            raise BenchError("the yardstick's handler did not start")
        run_yardstick("pace", stack.plan.broker_url, str(RATE), str(SECONDS))
        ages = json.loads(handler.stdout.readline())
    empty_queues(stack.plan.broker_url)
    return _latency(ages)


def _latency(ages: Sequence[float], late: int = 0) -> MeasuredLatency:
    percentiles = quantiles(ages, n=100)
    return MeasuredLatency(percentiles[49] * 1000, percentiles[98] * 1000, late)


def _show(latency: MeasuredLatency) -> str:
    late = f" ({latency.late} of {COUNT} sent late)" if latency.late else ""
    return f"p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms{late}"
