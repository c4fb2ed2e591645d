"""Orders per second through the whole pipeline, until all four effects of every order are done.

Emails go to the mail sink by SMTP and text messages to the gateway by HTTP, without simulated work.
The yardstick is a publisher and four groups that ignore their messages, on the same kind of queues.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from bench.pipeline.running import Pipeline, PipelineRun, running
from bench.rounds import Goal, RoundRow, Tell, alone, alternate, compare, per_second
from bench.testbed import BrokerKind, Testbed, run_yardstick
from orderctl.stack.stack import Stack

#: The client that each broker's groups are written with, and the yardstick's module.
YARDSTICKS = {
    BrokerKind.RABBITMQ: ("pika", "rabbitmq_groups"),
    BrokerKind.KAFKA: ("confluent-kafka", "kafka_groups"),
}
#: The yardstick is so much faster that it is given more, or it would end at once.
MORE = 5
#: The targets are for RabbitMQ.
LEAST_RATE, LEAST_RATIO = Goal(400.0, of_ratio=False), Goal(0.08)
#: Microseconds of processor time for an order.
SERVICE = Goal(900.0, of_ratio=False, at_least=False)
SIMULATOR = Goal(700.0, of_ratio=False, at_least=False)
COSTS: Mapping[str, Goal] = {
    "email": SERVICE,
    "sms": SERVICE,
    "mail_sink": SIMULATOR,
    "sms_gateway": SIMULATOR,
}


def measure(broker: BrokerKind, testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with running(testbed, broker) as pipeline, _yardstick(testbed, broker) as bare:
        pipeline.run(max(testbed.orders // 10, 1))
        runs: list[PipelineRun] = []
        sides: list[Callable[[], float]] = [partial(_run, pipeline, testbed.orders, runs), *bare]
        rates = alternate(rounds, sides, tell, per_second)
    return [*_rate_rows(broker, rates), *_cost_rows(broker, runs)]


def _run(pipeline: Pipeline, orders: int, runs: list[PipelineRun]) -> float:
    runs.append(pipeline.run(orders))
    return runs[-1].rate


@contextmanager
def _yardstick(testbed: Testbed, broker: BrokerKind) -> Iterator[list[Callable[[], float]]]:
    """None for the embedded broker, which nobody uses otherwise. The others get queues of their
    own, which no service reads.
    """
    if broker not in YARDSTICKS:
        yield []
        return
    _client, module = YARDSTICKS[broker]
    with testbed.stack(f"bare_{broker.lower()}", broker=broker) as stack:
        yield [partial(_run_bare, stack, module, testbed.orders * MORE)]


def _run_bare(stack: Stack, module: str, count: int) -> float:
    return float(run_yardstick(module, stack.plan.broker_url, str(count)))


def _rate_rows(broker: BrokerKind, rates: Sequence[Sequence[float]]) -> list[RoundRow]:
    name = f"orders through the whole pipeline, {broker}"
    has_targets = broker is BrokerKind.RABBITMQ
    rows = [alone(name, rates[0], LEAST_RATE if has_targets else None, "/s")]
    if broker in YARDSTICKS:
        client, _module = YARDSTICKS[broker]
        target = LEAST_RATIO if has_targets else None
        rows.append(compare(name, f"bare {client}, four groups", rates[0], rates[1], target))
    return rows


def _cost_rows(broker: BrokerKind, runs: Sequence[PipelineRun]) -> list[RoundRow]:
    targets = COSTS if broker is BrokerKind.RABBITMQ else {}
    return [
        alone(
            f"processor time of {name} for an order, {broker}",
            [run.costs[name] for run in runs],
            targets.get(name),
            " µs",
        )
        for name in runs[0].costs
    ]
