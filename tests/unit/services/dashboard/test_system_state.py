"""The dashboard's snapshots: moves, ages, replicas, and silent services."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from services.dashboard.snapshot import Snapshot
from services.dashboard.system_state import SystemState
from shared.http.app import to_json
from tests.contracts import openapi
from tests.dashboard_service import FakeServices
from tests.documented import closed
from tests.waiting import eventually

NOW = datetime.now(UTC)
#: A healthy system with one order, applied by every service.
ORDER = {
    "orderId": "ord-1",
    "eventId": "evt-1",
    "userId": "usr-1",
    "totalAmount": 1.5,
    "status": "accepted",
    "placedAt": (NOW - timedelta(seconds=60)).isoformat(),
}
QUEUE = {"ready": 0, "retrying": 0, "dead": 0, "countsHeld": False}
ACTIVITY: dict[str, Any] = {
    "service": "email",
    "process": "one",
    "reason": None,
    "queue": QUEUE,
    "unsettled": 0,
    "appliedPerSecond": 0.0,
}


@pytest.fixture
def services() -> FakeServices:
    return FakeServices(
        {
            ("GET", "/orders"): {"orders": [ORDER], "next": None},
            ("GET", "/outbox"): {"pending": 0, "oldestAgeSeconds": None, "running": 0},
            ("GET", "/health/ready"): {"ready": True, "reason": None},
            ("GET", "/faults"): {"faults": []},
            ("GET", "/activity"): ACTIVITY,
            ("POST", "/activity/ended"): {"ended": {"ord-1": "applied"}},
        }
    )


class Poller:
    """Polls and waits for the responses, so that a test's changes are in the next snapshot."""

    def __init__(self, services: FakeServices) -> None:
        parts = {name: services.neighbour(name) for name in ("order", "order-relay", "email")}
        consumers = [parts["email"]]
        self._watching = SystemState(
            parts["order"], parts["order-relay"], consumers, {}, (1.0, 5.0)
        )
        self._threads = ThreadPoolExecutor(8)

    def poll(self) -> Snapshot:
        return self._watching.poll(self._threads)

    def close(self) -> None:
        self._threads.shutdown()


@pytest.fixture
def poller(services: FakeServices) -> Iterator[Poller]:
    poller = Poller(services)
    yield poller
    poller.close()


def step(kind: str, order_id: str = "ord-1") -> dict[str, Any]:
    """The response of /activity after this step."""
    found = {"step": kind, "eventId": "evt-1", "orderId": order_id, "attempt": 1}
    return ACTIVITY | {"steps": [found | {"at": NOW.isoformat()}]}


def test_the_first_poll_reports_no_moves(services: FakeServices, poller: Poller) -> None:
    services.answers["GET", "/activity"] = step("applied")
    assert poller.poll().moves == ()
    assert poller.poll().moves == ()


def test_a_new_order_moves_as_services_report_it(services: FakeServices, poller: Poller) -> None:
    poller.poll()
    new = ORDER | {"orderId": "ord-2", "placedAt": datetime.now(UTC).isoformat()}
    services.answers["GET", "/orders"] = {"orders": [new, ORDER], "next": None}
    services.answers["GET", "/outbox"] = {"pending": 1, "oldestAgeSeconds": 9.0, "running": 0}
    assert [(m.step, m.order_id) for m in poller.poll().moves] == [("placed", "ord-2")]
    services.answers["GET", "/outbox"] = {"pending": 0, "oldestAgeSeconds": None, "running": 0}
    assert [(m.step, m.order_id) for m in poller.poll().moves] == [("published", "ord-2")]
    services.answers["GET", "/activity"] = step("applied", "ord-2")
    [move] = poller.poll().moves
    assert (move.step, move.order_id, move.service) == ("applied", "ord-2", "email")
    assert poller.poll().moves == ()


def test_a_synchronous_order_is_not_shown_in_a_queue(
    services: FakeServices, poller: Poller
) -> None:
    poller.poll()
    by_calls = ORDER | {"orderId": "ord-2", "status": "pending"}
    services.answers["GET", "/orders"] = {"orders": [by_calls, ORDER], "next": None}
    services.answers["GET", "/activity"] = step("applied", "ord-2")
    assert [(m.step, m.order_id) for m in poller.poll().moves] == [("called", "ord-2")]


def test_orders_are_read_page_by_page_up_to_a_known_one(
    services: FakeServices, poller: Poller
) -> None:
    poller.poll()
    pages = {
        None: {"orders": [ORDER | {"orderId": "ord-3"}], "next": "3"},
        "3": {"orders": [ORDER | {"orderId": "ord-2"}], "next": "2"},
        "2": {"orders": [ORDER], "next": "1"},
    }
    services.answers["GET", "/orders"] = lambda request: pages[request.url.params.get("cursor")]
    poller.poll()
    orders = poller.poll().orders
    assert [order.order_id for order in orders] == ["ord-3", "ord-2", "ord-1"]


def test_a_silent_service_keeps_its_last_figures_and_their_age(
    services: FakeServices, poller: Poller
) -> None:
    services.answers["GET", "/activity"] = ACTIVITY | {"queue": QUEUE | {"ready": 7}}
    poller.poll()
    services.answers["GET", "/activity"] = httpx.ConnectError("refused")
    email = poller.poll().services["email"]
    assert (email.ready, email.unreachable) == (7, "email does not respond at http://email")
    first = email.age
    assert first is not None
    later = poller.poll().services["email"].age
    assert later is not None
    assert later > first


def test_the_replicas_held_deliveries_are_summed(services: FakeServices, poller: Poller) -> None:
    queue = QUEUE | {"ready": 10, "countsHeld": True}
    for process, unsettled in (("one", 2), ("two", 3), ("two", 4)):
        told = ACTIVITY | {"process": process, "unsettled": unsettled, "queue": queue}
        services.answers["GET", "/activity"] = told
        snapshot = poller.poll()
    email = snapshot.services["email"]
    assert (email.processes, email.held, email.ready) == (2, 6, 4)


@pytest.mark.parametrize(("reason", "ready"), [("the mail server is unavailable", 3), (None, 0)])
def test_unacknowledged_messages_of_a_waiting_consumer_count_as_queued(
    services: FakeServices, poller: Poller, reason: str | None, ready: int
) -> None:
    orders = [ORDER | {"orderId": f"ord-{number}"} for number in range(5)]
    services.answers["GET", "/orders"] = {"orders": orders, "next": None}
    services.answers["POST", "/activity/ended"] = {"ended": {"ord-0": "applied"}}
    services.answers["GET", "/activity"] = ACTIVITY | {"unsettled": 1, "reason": reason}
    eventually(lambda: poller.poll().services["email"].waiting == 4)
    assert poller.poll().services["email"].ready == ready


def test_an_unready_order_service_is_reported(services: FakeServices, poller: Poller) -> None:
    not_ready = httpx.Response(503, json={"ready": False, "reason": "an outage"})
    services.client = httpx.Client(
        transport=httpx.MockTransport(
            lambda request: (
                not_ready if request.url.path == "/health/ready" else httpx.Response(404)
            )
        )
    )
    other = Poller(services)
    snapshot = other.poll()
    other.close()
    assert (snapshot.order.reason, snapshot.order.faults_allowed) == ("an outage", False)
    assert snapshot.verdict.light == "unknown"


def test_a_latecomer_is_shown_after_its_first_response_outside_the_light(
    services: FakeServices,
) -> None:
    late = FakeServices()
    order, relay, email = map(services.neighbour, ("order", "order-relay", "email"))
    watching = SystemState(
        order, relay, [email], {}, (1.0,), latecomers=[late.neighbour("shipping")]
    )
    with ThreadPoolExecutor(8) as threads:
        assert list(watching.poll(threads).services) == ["email"]
        late.answers["GET", "/activity"] = step("applied")
        snapshot = watching.poll(threads)
        assert list(snapshot.services) == ["email", "shipping"]
        assert snapshot.services["shipping"].waiting is None
        eventually(lambda: watching.poll(threads).verdict.light == "done")
    assert {request.url.path for request in late.requests} == {"/activity"}


def test_the_light_shows_that_all_orders_are_done(poller: Poller) -> None:
    eventually(lambda: poller.poll().verdict.light == "done")
    verdict = poller.poll().verdict
    assert (verdict.orders, verdict.done) == (1, 1)


def test_a_snapshots_size_is_limited(services: FakeServices, poller: Poller) -> None:
    orders = [ORDER | {"orderId": f"ord-{number}"} for number in range(10_000, 0, -1)]
    services.answers["GET", "/orders"] = {"orders": orders, "next": None}
    services.answers["POST", "/activity/ended"] = {"ended": {}}
    eventually(lambda: poller.poll().verdict.orders == 10_000)
    snapshot = to_json(poller.poll())
    assert len(snapshot) < 10_000
    assert msgspec.json.decode(snapshot)["services"]["email"]["waiting"] == 10_000


def test_a_snapshot_matches_its_contract(poller: Poller) -> None:
    document = closed(openapi("dashboard"))
    whole = {"$ref": "#/components/schemas/SeenSnapshot", "components": document["components"]}
    eventually(lambda: poller.poll().services["email"].told)
    seen = json.loads(to_json(poller.poll()))
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(seen)
    assert seen.keys() == document["components"]["schemas"]["SeenSnapshot"]["properties"].keys()
