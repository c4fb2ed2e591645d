"""Processes killed at the worst points: nothing is lost or applied twice."""

import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.email.schema import tables as email_tables
from shared.consuming.inbox import DONE
from shared.database.engine import open_database, reading
from tests.e2e.books import Books
from tests.e2e.parts.killed_group import GROUP
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, MAILS_AT_A_TIME, Shop
from tests.e2e.stacks import TRANSPORTS
from tests.service_process import ServiceProcess

KILLED = "tests.e2e.parts.killed_consumer"
KILLED_GROUP = "tests.e2e.parts.killed_group"
POISONED = "tests.e2e.parts.poisoned_consumer"
FAULTY_RELAY = "tests.e2e.parts.faulty_relay"
#: The embedded broker reports each lost delivery, RabbitMQ closes the connection, and Kafka revokes
#: the partitions.
LOSSES = ("delivery.lease_lost", "deliveries.lost", "partitions.lost")
#: Mails in flight when the process is stopped.
LEASED = 8
MATRIX = pytest.mark.matrix
MOMENTS = ("before_effect", "before_commit", "before_ack")


def moments(transport: str, turn: int) -> dict[str, str]:
    """When each consumer is killed. The first turns of all transports together cover every cell."""
    first = TRANSPORTS.index(transport) + turn
    return {name: MOMENTS[(first + place) % 3] for place, name in enumerate(CONSUMERS)}


@pytest.mark.parametrize("turn", [0, pytest.param(1, marks=MATRIX), pytest.param(2, marks=MATRIX)])
def test_each_consumer_is_killed_without_loss_or_duplicates(
    books: Books, transport: str, tmp_path: Path, turn: int
) -> None:
    shop = books.shop
    markers = {name: tmp_path / f"{name}.died" for name in CONSUMERS}
    for name, moment in moments(transport, turn).items():
        # One at a time, so that exactly one event per consumer is at that point.
        variables = {"AT": moment, "MARKER": str(markers[name]), "CONCURRENCY": "1"}
        shop.replace(name, KILLED, variables)
    shop.stack.wait_ready(CONSUMERS)

    books.place(12)

    for name in CONSUMERS:
        eventually(partial(shop.has_died, name), f"{name} dies")
        assert markers[name].exists()
    shop.restore(*CONSUMERS)
    # Only the mail that was sent but not recorded was repeated.
    again = 1 if moments(transport, turn)["email"] == "before_commit" else 0
    before = books.repeats
    books.crashes += again
    books.balance()
    assert books.repeats - before == again


def test_a_consumer_is_killed_with_a_group_claimed_and_half_of_it_sent(
    books: Books, tmp_path: Path
) -> None:
    shop, outside = books.shop, ("email", "sms")
    markers = {name: tmp_path / f"{name}.died" for name in outside}
    for name, marker in markers.items():
        shop.replace(name, KILLED_GROUP, {"MARKER": str(marker)})
    shop.stack.wait_ready(outside)

    books.place(12)

    for name in outside:
        eventually(partial(shop.has_died, name), f"{name} dies in the middle of a group")
        assert markers[name].exists()
    shop.restore(*outside)
    # Half of the mails were sent but not recorded. The gateway recognises texts by their keys.
    before = books.repeats
    books.crashes += GROUP // 2
    books.balance()
    assert books.repeats - before == GROUP // 2


def test_the_relay_is_killed_between_confirm_and_delete(books: Books, tmp_path: Path) -> None:
    shop, marker = books.shop, tmp_path / "died"
    shop.stack.stop("order-relay")
    orders = books.place(20)
    shop.stack.start("order-relay", FAULTY_RELAY, {"FAULT": "dies", "MARKER": str(marker)})
    eventually(lambda: shop.has_died("order-relay"), "the relay dies")
    assert marker.exists()
    assert shop.get("order", "/outbox")["pending"] == len(orders)

    shop.restore("order-relay")
    books.balance()


def test_the_order_service_is_killed_under_load(books: Books) -> None:
    shop = books.shop
    placing = shop.begin_placing(100, rate=50)
    for answers in (20, 60):
        shop.under_load(placing, books.placed + answers)
        shop.stack.kill("order")
        shop.stack.start("order")
    orders = books.end_placing(placing)
    assert len(set(orders)) == 100
    books.balance()


def test_killed_workers_are_replaced_by_gunicorn(books: Books) -> None:
    shop, parts = books.shop, ("order", "order-relay", *CONSUMERS)
    before = {name: set(shop.stack.process(name).workers()) for name in parts}
    with books.load(100, rate=50, after=20):
        for name in parts:
            shop.stack.kill(name, only_worker=True)
    books.crashes += MAILS_AT_A_TIME
    books.balance()
    after = {name: set(shop.stack.process(name).workers()) for name in parts}
    assert all(before[name] and after[name] for name in parts)
    assert not any(before[name] & after[name] for name in parts)


@pytest.mark.parametrize("is_turned", [False, pytest.param(True, marks=MATRIX)])
def test_an_event_that_crashes_its_consumer_is_dead_lettered_alone(
    books: Books, transport: str, is_turned: bool
) -> None:
    # Each kind of effect is covered: transactional ones, and those under a lease.
    pair = ("inventory", "sms") if transport == "kafka" else ("inventory", "analytics")
    poisoned = [name for name in CONSUMERS if (name in pair) != is_turned]
    shop = books.shop
    for name in poisoned:
        shop.stack.stop(name)
    books.place(20)
    [poison] = books.place(1, user="usr-poison")

    keepers = [threading.Thread(target=_keep_alive, args=(shop, name)) for name in poisoned]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()

    for name in poisoned:
        reasons = shop.dead_letters(name)
        assert reasons.keys() == {poison}
        assert "killed its consumer" in reasons[poison]
    if "email" in poisoned:
        books.crashes += MAILS_AT_A_TIME
    report = shop.audit(crashes=books.crashes)
    for name in poisoned:
        assert report["services"][name]["deadLettered"] == [poison]
        assert report["services"][name]["applied"] == books.placed - 1
    shop.restore(*poisoned)
    for name in poisoned:
        # A deferral is published and then acknowledged. If the process dies in between, the event
        # exists twice, and each copy becomes a dead letter.
        assert len(set(shop.dlq("redrive", name, "--all")["redriven"])) == 1
    books.balance()


def _keep_alive(shop: Shop, name: str) -> None:
    """Restart the service, as gunicorn or Compose would, until the event is dead-lettered."""
    deadline = time.monotonic() + 120
    while not shop.dead_letters(name) and time.monotonic() < deadline:
        if shop.has_died(name):
            shop.stack.start(name, POISONED, {"PART": name})
        time.sleep(0.2)


def test_a_consumer_is_stopped_for_longer_than_its_leases(books: Books, tmp_path: Path) -> None:
    """Stopped and continued, it finds that its deliveries have gone to another consumer."""
    shop, before = books.shop, len(books.shop.log_of("email"))
    shop.stack.stop("email")
    # It is stopped before any mail is sent, and RabbitMQ detects the stop within seconds.
    variables = {"WORK_TIME": "5", "CONCURRENCY": str(LEASED), **with_heartbeat(shop)}
    shop.stack.start("email", env=variables)
    shop.stack.wait_ready(["email"])
    with books.load(60, rate=40, after=20):
        # Not within a transaction, whose locks PostgreSQL would hold for a minute.
        eventually(lambda: leases(shop, "email") == LEASED, "mails are in flight")
        for name in ("email", "analytics"):
            shop.stack.kill(name, signal.SIGSTOP)
        assert "delivery.applied" not in shop.log_of("email")[before:]
    with another(shop, "email", tmp_path) as other:
        sent = "delivery.applied"
        eventually(lambda: other.log.count(sent) == 60, "the other sends all")
        for name in ("email", "analytics"):
            shop.stack.kill(name, signal.SIGCONT)
        told = partial(has_lost_its_deliveries, shop, before)
        eventually(told, "email has lost its deliveries")
        books.crashes += LEASED
        books.balance()
    shop.restore("email")


def leases(shop: Shop, name: str) -> int:
    """The number of events whose lease is recorded and whose effect is not."""
    engine = open_database(shop.stack.plan.database_urls(name))
    with reading(engine) as tx:
        held = select(func.count()).select_from(email_tables.inbox)
        number = tx.scalar(held.where(email_tables.inbox.c.state != DONE))
    engine.dispose()
    return number or 0


def with_heartbeat(shop: Shop) -> dict[str, str]:
    """The broker's URL, on RabbitMQ with a heartbeat of `seconds`: it closes a connection after two
    missing ones.
    """
    url = shop.stack.plan.broker_url
    return {"BROKER_URL": f"{url}?heartbeat=2"} if url.startswith("amqp") else {}


def another(shop: Shop, name: str, folder: Path) -> ServiceProcess:
    """A second process of a service; not started."""
    settings = shop.stack.plan.environment(name)
    del settings["PORT"]
    return ServiceProcess(f"services.{name}", folder, **settings)


def has_lost_its_deliveries(shop: Shop, before: int) -> bool:
    said = shop.log_of("email")[before:]
    return any(event in said for event in LOSSES)
