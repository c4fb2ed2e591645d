"""An order's journey, which the order service builds from the consumers' responses."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, update

from services.order.journey import Consumers
from services.order.outbox import BacklogLimit
from services.order.placing import place_order
from services.order.schema import faults, metadata, outbox, runs
from services.order.views import create_order_app
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.faults.injection import FaultInjector
from shared.faults.store import Faults
from tests.builders import NO_DOCUMENTS
from tests.neighbours import Neighbours

AN_ORDER = {"userId": "u", "items": [{"productId": "p", "quantity": 1, "price": 1}]}
AT = "2026-03-04T05:06:07Z"
STEP = {"step": "retried", "attempt": 1, "reason": "550", "nextAt": AT, "at": AT}
STORY = {
    "state": "applied",
    "attempts": 2,
    "startedAt": AT,
    "at": AT,
    "reason": None,
    "nextAt": None,
    "history": [STEP],
}

Answer = Callable[[httpx.Request], httpx.Response]


class JourneyService:
    """An order service with two fake consumers, `email` and `sms`."""

    def __init__(self, url: str, answers: dict[str, Answer], *, mode: str = "async") -> None:
        self.asked: list[str] = []
        self.engine = open_database(url)
        create_schema(self.engine, metadata)
        app = create_order_app(
            self.engine,
            partial(place_order, open_database(url, autocommit=True)),
            BacklogLimit(self.engine, 100),
            consumers=Consumers({name: f"http://{name}/" for name in answers}, self._to(answers)),
            synchronous=Neighbours().synchronous(self.engine),
            injector=FaultInjector(Faults(self.engine, faults, allowed=False)),
        )
        self.client: FlaskClient = app.test_client()
        placed: Any = self.client.post(f"/orders?mode={mode}", json=AN_ORDER).json
        self.order_id: str = placed["orderId"]

    def _to(self, answers: dict[str, Answer]) -> httpx.Client:
        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(str(request.url))
            return answers[request.url.host](request)

        return httpx.Client(transport=httpx.MockTransport(answer))

    def journey(self) -> Any:
        answer = self.client.get(f"/orders/{self.order_id}/journey")
        assert answer.status_code == 200
        return answer.json


def applied(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"orderId": "x", "effects": [], **STORY})


def unavailable(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


def says(content: bytes, status: int = 200) -> Answer:
    return lambda _request: httpx.Response(status, content=content)


def test_every_services_state_is_shown(sqlite_url: str) -> None:
    service = JourneyService(sqlite_url, {"email": applied, "sms": applied})
    journey = service.journey()
    assert journey["orderId"] == service.order_id
    assert journey["services"] == {"email": STORY, "sms": STORY}
    assert sorted(service.asked) == [
        f"http://{name}/orders/{service.order_id}" for name in ("email", "sms")
    ]


def test_an_unavailable_service_is_unknown_and_the_others_are_shown(sqlite_url: str) -> None:
    services = JourneyService(sqlite_url, {"email": unavailable, "sms": applied}).journey()[
        "services"
    ]
    assert services["sms"] == STORY
    assert services["email"] == {
        "state": "unknown",
        "attempts": 0,
        "startedAt": None,
        "at": None,
        "reason": "no response: connection refused",
        "nextAt": None,
        "history": [],
    }


@pytest.mark.parametrize(
    "answer",
    [
        *map(says, NO_DOCUMENTS.values()),
        says(b"{}"),
        says(b'{"state": 1}'),
        says(b'{"state": "applied", "at": "yesterday"}'),
        says(b'{"state": "applied"}', 500),
        says(b'{"state": "applied"}', 302),
    ],
    ids=[*NO_DOCUMENTS, "empty", "number", "time", "500", "302"],
)
def test_a_service_with_an_invalid_response_is_unknown_with_a_reason(
    sqlite_url: str, answer: Answer
) -> None:
    services = JourneyService(sqlite_url, {"email": answer, "sms": applied}).journey()["services"]
    assert services["sms"] == STORY
    assert services["email"]["state"] == "unknown"
    assert services["email"]["reason"].startswith("no response: ")


def test_all_services_are_queried_concurrently(sqlite_url: str) -> None:
    began: list[str] = []

    def when_both_are_asked(request: httpx.Request) -> httpx.Response:
        began.append(request.url.host)
        deadline = time.monotonic() + 10
        while len(began) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        return applied(request) if len(began) == 2 else httpx.Response(500)

    service = JourneyService(sqlite_url, {"email": when_both_are_asked, "sms": when_both_are_asked})
    assert service.journey()["services"] == {"email": STORY, "sms": STORY}


def test_an_event_is_in_the_outbox_until_the_relay_has_published_it(sqlite_url: str) -> None:
    service = JourneyService(sqlite_url, {"email": applied})
    assert service.journey()["outbox"] == "waiting"
    with writing(service.engine) as tx:
        tx.execute(delete(outbox))
    assert service.journey()["outbox"] == "published"


def test_an_event_set_aside_is_not_shown_as_waiting(sqlite_url: str) -> None:
    service = JourneyService(sqlite_url, {"email": applied})
    assert service.journey()["outboxReason"] is None
    with writing(service.engine) as tx:
        tx.execute(update(outbox).values(set_aside="the headers are null"))
    journey = service.journey()
    assert (journey["outbox"], journey["outboxReason"]) == ("set_aside", "the headers are null")


@pytest.mark.parametrize("order_id", ["ord-none", "has spaces", "%00"])
def test_no_service_is_queried_about_an_unknown_order(sqlite_url: str, order_id: str) -> None:
    service = JourneyService(sqlite_url, {"email": applied})
    assert service.client.get(f"/orders/{order_id}/journey").status_code == 404
    assert service.asked == []


def waits(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"state": "waiting", "reason": "its consumer is down"})


def test_an_order_that_is_never_published_is_not_waiting(sqlite_url: str) -> None:
    service = JourneyService(
        sqlite_url, {"email": applied, "sms": waits, "eve": unavailable}, mode="sync"
    )
    states = {name: stop["state"] for name, stop in service.journey()["services"].items()}
    assert states == {"email": "applied", "sms": "undone", "eve": "unknown"}


def test_an_order_in_progress_may_still_be_waiting(sqlite_url: str) -> None:
    service = JourneyService(sqlite_url, {"sms": waits}, mode="sync")
    with writing(service.engine) as tx:
        tx.execute(update(runs).values(lease_until=time.time() + 60))
    assert service.journey()["services"]["sms"]["state"] == "waiting"


def test_a_published_order_waits(sqlite_url: str) -> None:
    service = JourneyService(sqlite_url, {"sms": waits})
    journey = service.journey()
    assert (journey["status"], journey["mode"], journey["stages"]) == ("accepted", "async", [])
    assert journey["services"]["sms"]["state"] == "waiting"
