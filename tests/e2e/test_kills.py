"""Processes killed at the worst points: nothing is lost or applied twice."""

import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.shop import CONSUMERS, MAILS_AT_A_TIME, Shop, eventually
from tests.service_process import ServiceProcess

KILLED = "tests.e2e.parts.killed_consumer"


def has_died(shop: Shop, part: str) -> bool:
    return part not in shop.stack.running


@pytest.mark.parametrize("moment", ["before_effect", "before_commit", "before_ack"])
def test_each_consumer_is_killed_without_loss_or_duplicates(
    shop: Shop, tmp_path: Path, moment: str
) -> None:
    shop.open(without=CONSUMERS)
    markers = {name: tmp_path / f"{name}.died" for name in CONSUMERS}
    for name, marker in markers.items():
        # One at a time, so that exactly one event per consumer is at that point.
        variables = {"PART": name, "AT": moment, "MARKER": str(marker), "CONCURRENCY": "1"}
        shop.stack.start(name, KILLED, variables)
    shop.stack.wait_ready(CONSUMERS)

    shop.place(12)

    for name in CONSUMERS:
        eventually(partial(has_died, shop, name), what=f"{name} dies {moment}")
        assert markers[name].exists()
        shop.stack.start(name)
    # Only the mail that was sent but not recorded was repeated.
    again = 1 if moment == "before_commit" else 0
    report = shop.assert_kept(12, crashes=again)
    assert report["services"]["email"]["repeats"] == again


def test_the_relay_is_killed_between_confirm_and_delete(shop: Shop, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    shop.open(without=["order-relay"])
    orders = shop.place(20)
    shop.stack.start(
        "order-relay", "tests.e2e.parts.faulty_relay", {"FAULT": "dies", "MARKER": str(marker)}
    )
    eventually(lambda: has_died(shop, "order-relay"), what="the relay dies")
    assert marker.exists()
    assert shop.get("order", "/outbox")["pending"] == len(orders)

    shop.stack.start("order-relay")
    shop.assert_kept(20)


def test_the_order_service_is_killed_under_load(shop: Shop) -> None:
    shop.open()
    placing = shop.begin_placing(150, rate=50)
    for answers in (20, 70):
        shop.under_load(placing, answers)
        shop.stack.kill("order")
        shop.stack.start("order")
    orders = shop.end_placing(placing)
    assert len(set(orders)) == 150
    shop.assert_kept(150)


def test_killed_workers_are_replaced_by_gunicorn(shop: Shop) -> None:
    shop.open()
    parts = ("order", "order-relay", *CONSUMERS)
    before = {name: set(shop.stack.process(name).workers()) for name in parts}
    placing = shop.begin_placing(100, rate=50)
    shop.under_load(placing, 20)
    for name in parts:
        shop.stack.kill(name, only_worker=True)
    shop.end_placing(placing)
    shop.assert_kept(100, crashes=MAILS_AT_A_TIME)
    after = {name: set(shop.stack.process(name).workers()) for name in parts}
    assert all(before[name] and after[name] for name in parts)
    assert not any(before[name] & after[name] for name in parts)


def test_an_event_that_crashes_its_consumer_is_dead_lettered_alone(
    shop: Shop,
) -> None:
    poisoned = ("inventory", "sms")
    shop.open(without=poisoned)
    neighbours = [*shop.place(10), *shop.place(10)]
    [poison] = shop.place(1, user="usr-poison")

    keepers = [threading.Thread(target=_keep_alive, args=(shop, name)) for name in poisoned]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()

    for name in poisoned:
        reasons = shop.dead_letters(name)
        assert reasons.keys() == {poison}
        assert "killed its consumer" in reasons[poison]
    report = shop.audit()
    for name in poisoned:
        assert report["services"][name]["deadLettered"] == [poison]
        assert report["services"][name]["applied"] == len(neighbours)
        shop.stack.stop(name)
        shop.stack.start(name)
        assert len(shop.dlq("redrive", name, "--all")["redriven"]) == 1
    shop.assert_kept(len(neighbours) + 1)


def _keep_alive(shop: Shop, name: str) -> None:
    """Restart the service, as gunicorn or Compose would, until the event is dead-lettered."""
    deadline = time.monotonic() + 120
    while not shop.dead_letters(name) and time.monotonic() < deadline:
        if has_died(shop, name):
            shop.stack.start(name, "tests.e2e.parts.poisoned_consumer", {"PART": name})
        time.sleep(0.2)


def test_a_consumer_is_stopped_for_longer_than_its_leases(shop: Shop, tmp_path: Path) -> None:
    """Stopped and continued, it finds that its deliveries have gone to another consumer."""
    shop.open(without=["email"])
    # It is stopped before any mail is sent, and RabbitMQ detects the stop within seconds.
    shop.stack.start("email", env={"WORK_TIME": "5", **with_heartbeat(shop)})
    shop.stack.wait_ready(["email"])
    placing = shop.begin_placing(60, rate=40)
    shop.under_load(placing, 20)
    eventually(lambda: shop.get("email", "/health/ready")["unsettled"], what="mails in hand")
    for name in ("email", "analytics"):
        shop.stack.kill(name, signal.SIGSTOP)
    assert "delivery.applied" not in log_of(shop, "email")
    shop.end_placing(placing)
    with another(shop, "email", tmp_path) as other:
        eventually(lambda: other.log.count("delivery.applied") == 60, what="the other has all")
        for name in ("email", "analytics"):
            shop.stack.kill(name, signal.SIGCONT)
        eventually(lambda: has_lost_its_deliveries(shop, "email"), what="email has lost some")
        shop.assert_kept(60, crashes=MAILS_AT_A_TIME)


def with_heartbeat(shop: Shop) -> dict[str, str]:
    """The broker URL with a heartbeat, for a broker with connections: after two intervals of
    `seconds` without traffic it closes one.
    """
    url = shop.stack.plan.broker_url
    return {"BROKER_URL": f"{url}?heartbeat=2"} if url.startswith("amqp") else {}


def another(shop: Shop, name: str, folder: Path) -> ServiceProcess:
    """A second process of a service; not started."""
    settings = shop.stack.plan.environment(name)
    del settings["PORT"]
    return ServiceProcess(f"services.{name}", folder, **settings)


def log_of(shop: Shop, name: str) -> str:
    return shop.stack.log(name).read_text()


def has_lost_its_deliveries(shop: Shop, name: str) -> bool:
    """The embedded broker reports each lost delivery, RabbitMQ closes the connection."""
    said = log_of(shop, name)
    return "delivery.lease_lost" in said or "deliveries.lost" in said
