"""Orders accepted per second, compared with a bare view and with one that publishes itself."""

from collections.abc import Callable
from contextlib import closing
from functools import partial

from bench.http_load import Client, post
from bench.orders import REQUEST, empty_queues
from bench.rounds import Goal, RoundRow, Tell, alternate, compare, per_second
from bench.testbed import Testbed, execute, wait_for
from orderctl.stack.ports import free_port, is_free
from orderctl.stack.stack import Stack

SECONDS = 4.0
WARM_UP_SECONDS = 2.0


def measure(testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with testbed.stack("accepting") as stack:
        sides = _start(stack)
        for side in sides:
            side(WARM_UP_SECONDS)
        measured = [partial(side, SECONDS) for side in sides]
        ours, bare, publishing = alternate(rounds, measured, tell, per_second)
    name = "orders accepted durably on PostgreSQL"
    return [
        compare(name, "bare Flask view", ours, bare, Goal(0.35)),
        compare(name, "Flask view that connects and publishes", ours, publishing, Goal(4.0)),
    ]


def _start(stack: Stack) -> list[Callable[[float], float]]:
    """All three servers run at once, since an idle server takes no time from the others."""
    stack.start("order")
    stack.wait_ready(["order"])
    database, broker = stack.plan.database_urls("order"), stack.plan.broker_url
    return [
        partial(_place, stack.plan.ports["order"], database),
        partial(_load, _start_view(stack, "bare_view")),
        partial(_publish, _start_view(stack, "publishing_view"), broker),
    ]


def _start_view(stack: Stack, name: str) -> int:
    port = free_port()
    environment = {"PORT": str(port), "DATABASE_URL": stack.plan.database_urls("order")}
    stack.start(name, f"bench.yardsticks.{name}", {**environment, "LOG_LEVEL": "warning"})
    wait_for(lambda: not is_free(port), name)
    return port


def _place(port: int, database_url: str, seconds: float) -> float:
    """No relay is running, so the outbox is emptied after each round."""
    rate = _load(port, seconds)
    execute(database_url, "TRUNCATE orders, outbox")
    return rate


def _publish(port: int, broker_url: str, seconds: float) -> float:
    rate = _load(port, seconds)
    empty_queues(broker_url)
    return rate


def _load(port: int, seconds: float) -> float:
    request = post("/orders", REQUEST)
    with closing(Client(port, lambda: request)) as client:
        return client.busy(seconds)
