"""The demo's latecomer: its output, and brokers on which it cannot be late."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from orderctl.demo.latecomer import NAME, WHY, JoinMoment, Latecomer, expect_unknown
from orderctl.demo.report import latecomer_table
from orderctl.demo.wait_until_idle import wait_until_idle
from orderctl.errors import CommandError
from orderctl.stack.parts import MODULES, OPTIONAL
from orderctl.stack.stack import Stack
from orderctl.stack.startup import expect_usable
from shared.transport import connect
from shop.consumers import CONSUMERS, LATECOMERS
from tests.builders import a_message

LATE = Latecomer((JoinMoment("it joined", 20, 0, "why"), JoinMoment("a replay", 23, 23, "because")))


def test_its_table_has_a_row_per_step() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(latecomer_table(LATE))
    assert isinstance(console.file, io.StringIO)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert lines == [
        "after orders shipments because",
        "it joined 20 0 why",
        "a replay 23 23 because",
    ]


def test_it_is_done_when_each_order_has_a_shipment() -> None:
    assert LATE.has_all
    assert not Latecomer((JoinMoment("a replay", 23, 22, ""),)).has_all


@pytest.mark.parametrize("scheme", ["amqp", "amqps", "kafka", "sqlite"])
def test_every_kind_of_broker_has_an_explanation(scheme: str) -> None:
    assert WHY[scheme]


def test_on_a_broker_where_it_has_joined_before_it_cannot_be_late(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/broker.db"
    connect(url).declare(CONSUMERS)
    expect_unknown(url)
    connect(url).declare([NAME])
    expect_usable(url)
    with pytest.raises(CommandError, match="use an empty virtual host"):
        expect_unknown(url)


def test_it_is_off_until_it_joins(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    assert set(OPTIONAL) == set(LATECOMERS)
    assert not set(OPTIONAL) & set(MODULES)
    assert stack.plan.common()["CONSUMERS"] == "email,sms,inventory,analytics"
    assert "shipping" not in stack.plan.common()["CONSUMER_URLS"]
    assert "shipping" not in stack.urls
    # Its address is known all the same.
    assert stack.addresses.shipping_url == stack.plan.url("shipping")
    assert stack.plan.environment("shipping")["DATABASE_URL"].endswith("/shipping.db")


def test_a_service_is_settled_when_its_queue_stays_empty(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    broker = connect(stack.plan.broker_url)
    broker.declare([NAME])
    wait_until_idle(stack, NAME, 0.3)
    with broker.publisher() as publisher:
        publisher.publish([a_message()])
    with pytest.raises(CommandError, match="is still busy after"):
        wait_until_idle(stack, NAME, 0.3, timeout=0.5)
