"""Events consumed per second by analytics, compared with loops that only acknowledge."""

from functools import partial

from bench.orders import fill_queue
from bench.rounds import Goal, RoundRow, Tell, alternate, compare, per_second
from bench.testbed import Testbed, committed, execute, rate, run_yardstick, scalar, wait_for
from orderctl.stack.stack import Stack
from shared.transport.names import work_queue

COUNT = 20_000
#: The first events are not counted, because the service still compiles its statements.
WARM_UP = COUNT // 10


def measure(testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with testbed.stack("consuming") as stack:
        sides = [partial(_analyse, stack), partial(_ack, stack, 1), partial(_ack, stack, 100)]
        ours, each, hundred = alternate(rounds, sides, tell, per_second)
    name = "events consumed by analytics"
    return [
        compare(name, "bare pika loop, one ack each", ours, each, Goal(1.5)),
        compare(name, "bare pika loop, one ack a hundred", ours, hundred, Goal(0.45)),
    ]


def _analyse(stack: Stack) -> float:
    fill_queue(stack.plan.broker_url, "analytics", COUNT)
    database_url = stack.plan.database_urls("analytics")
    stack.start("analytics")
    wait_for(
        lambda: scalar(database_url, "SELECT count(*) FROM facts") == COUNT,
        "all events in analytics",
    )
    times = committed(database_url, "event_id", "facts").values()
    stack.stop("analytics")
    execute(database_url, "TRUNCATE inbox, facts, fact_items")
    return rate(times, WARM_UP)


def _ack(stack: Stack, every: int) -> float:
    broker_url = stack.plan.broker_url
    fill_queue(broker_url, "analytics", COUNT)
    return float(
        run_yardstick("consumer", broker_url, work_queue("analytics"), str(COUNT), str(every))
    )
