"""Synchronous orders: consumers are called in sequence or in parallel."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from services.order.schema import orders, runs
from shared.events import decode
from shop.consumers import CONSUMERS
from tests.fakes import Death, in_threads
from tests.neighbours import Answer, Neighbours, applies, is_down, is_late, responds
from tests.order_service import AN_ORDER, OrderService

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MODES = ["sync", "parallel"]
KEY = '"k"'


@contextmanager
def a_service(url: str, neighbours: Neighbours) -> Iterator[OrderService]:
    with OrderService(url, synchronous=neighbours) as made:
        yield made


def the_order(service: OrderService) -> Any:
    with service.engine.connect().execution_options(read_only=True) as tx:
        return tx.execute(select(orders)).one()


def the_lease(service: OrderService) -> float:
    with service.engine.connect().execution_options(read_only=True) as tx:
        return float(tx.scalar(select(runs.c.lease_until)) or 0)


def stages(answer: TestResponse) -> dict[str, str]:
    return {stage["stage"]: stage["outcome"] for stage in answer.get_json(force=True)["stages"]}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Meeting:
    """Responds once `parties` calls are in progress together; a single call fails."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._barrier.wait(timeout=10)
        return applies(request)


class Held:
    """Responds when released; `began` is set by the first call."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.began.set()
        assert self.go.wait(timeout=20)
        return applies(request)


@contextmanager
def a_running_order(
    service: OrderService, held: Held, mode: str = "sync"
) -> Iterator[list[TestResponse]]:
    """Within the block an order is in progress; afterwards its response is in the list."""
    answers: list[TestResponse] = []
    thread = threading.Thread(
        target=lambda: answers.append(service.post(mode=mode, idempotency_key=KEY))
    )
    thread.start()
    try:
        assert held.began.wait(timeout=20)
        yield answers
    finally:
        held.go.set()
        thread.join()


@pytest.mark.parametrize("mode", MODES)
def test_the_response_comes_after_every_service_has_applied_the_order(
    database_url: str, mode: str
) -> None:
    neighbours = Neighbours()
    with a_service(database_url, neighbours) as service:
        answer = service.post(mode=mode)
        body = answer.get_json()
        assert (answer.status_code, body["status"], body["totalAmount"]) == (
            201,
            "completed",
            104.98,
        )
        assert stages(answer) == dict.fromkeys(CONSUMERS, "applied")
        assert answer.headers["Location"] == f"/orders/{body['orderId']}"
        assert service.get(answer.headers["Location"]).get_json()["status"] == "completed"
        assert sorted(neighbours.called) == sorted(CONSUMERS)


@pytest.mark.parametrize("mode", MODES)
def test_a_synchronous_order_is_never_published(database_url: str, mode: str) -> None:
    for neighbours in (Neighbours(), Neighbours(sms=is_down)):
        with a_service(database_url, neighbours) as service:
            service.post(mode=mode)
            assert service.waiting() == []


def test_in_sync_mode_each_call_starts_after_the_previous_one(sqlite_url: str) -> None:
    neighbours = Neighbours()
    with a_service(sqlite_url, neighbours) as service:
        found = service.post(mode="sync").get_json()["stages"]
    assert neighbours.called == list(CONSUMERS)
    for before, after in pairwise(found):
        assert after["startedSeconds"] >= before["startedSeconds"] + before["seconds"] - 1e-5


def test_in_parallel_mode_all_calls_start_before_the_first_response(sqlite_url: str) -> None:
    meeting = Meeting(len(CONSUMERS))
    with a_service(sqlite_url, Neighbours(dict.fromkeys(CONSUMERS, meeting))) as service:
        assert service.post(mode="parallel").status_code == 201


def test_the_call_contains_the_documented_event(sqlite_url: str) -> None:
    neighbours = Neighbours()
    with a_service(sqlite_url, neighbours) as service:
        order_id = service.post(mode="sync", traceparent=TRACE).get_json()["orderId"]
        row = the_order(service)
    for name, request in neighbours.calls:
        assert str(request.url) == f"http://{name}/events"
        assert decode(request.content).order_id == order_id
        sent = {key: value for key, value in request.headers.items() if key.startswith("ce-")}
        assert sent == {
            "ce-specversion": "1.0",
            "ce-id": row.event_id,
            "ce-type": "order.placed",
            "ce-source": "/services/order",
            "ce-time": row.placed_at.isoformat(),
        }
        assert request.headers["traceparent"] == TRACE


@pytest.mark.parametrize(
    ("answer", "status", "outcome", "reason"),
    [
        (is_down, 502, "failed", "no response: connection refused"),
        (is_late, 504, "timed_out", "no response within 5 s"),
        (responds(503, detail="no database"), 502, "failed", "it responded with 503 no database"),
        (responds(200, outcome="ignored"), 502, "failed", "unexpected outcome 'ignored'"),
        (responds(302), 502, "failed", "it responded with 302"),
        (lambda _r: httpx.Response(200, content=b"\xff"), 502, "failed", "no outcome"),
    ],
    ids=["down", "late", "refused", "ignored", "elsewhere", "no JSON"],
)
def test_any_failure_fails_the_order_and_names_the_stage(
    database_url: str, answer: Answer, status: int, outcome: str, reason: str
) -> None:
    neighbours = Neighbours(sms=answer)
    with a_service(database_url, neighbours) as service:
        failed = service.post(mode="sync")
        problem = failed.get_json(force=True)
        assert (failed.status_code, failed.mimetype) == (status, "application/problem+json")
        assert (problem["stage"], problem["orderId"]) == ("sms", the_order(service).order_id)
        assert reason in problem["detail"]
        assert stages(failed) == {"email": "applied", "sms": outcome}
        assert neighbours.called == ["email", "sms"]
        assert the_order(service).status == "failed"


def test_in_parallel_mode_a_failure_does_not_stop_the_other_calls(sqlite_url: str) -> None:
    with a_service(sqlite_url, Neighbours(email=is_late, sms=is_down)) as service:
        failed = service.post(mode="parallel")
        assert (failed.status_code, failed.get_json(force=True)["stage"]) == (504, "email")
        assert stages(failed) == {
            "email": "timed_out",
            "sms": "failed",
            "inventory": "applied",
            "analytics": "applied",
        }


@pytest.mark.parametrize("mode", MODES)
def test_a_retry_resumes_the_same_order_under_the_same_event_id(
    database_url: str, mode: str
) -> None:
    neighbours = Neighbours(sms=is_down)
    with a_service(database_url, neighbours) as service:
        failed = service.post(mode=mode, idempotency_key=KEY)
        neighbours.answers.clear()
        answer = service.post(mode=mode, idempotency_key=KEY)
        assert (failed.status_code, answer.status_code) == (502, 201)
        assert answer.get_json()["orderId"] == failed.get_json(force=True)["orderId"]
        assert the_order(service).status == "completed"
    assert len({request.headers["ce-id"] for _, request in neighbours.calls}) == 1
    assert len({request.headers["ce-time"] for _, request in neighbours.calls}) == 1
    assert len({request.content for _, request in neighbours.calls}) == 1


def test_a_completed_order_is_returned_again_without_calls(database_url: str) -> None:
    neighbours = Neighbours()
    with a_service(database_url, neighbours) as service:
        first = service.post(mode="sync", idempotency_key=KEY)
        again = service.post(mode="sync", idempotency_key=KEY)
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert neighbours.called == list(CONSUMERS)


def test_a_key_belongs_to_an_order_in_one_mode(database_url: str) -> None:
    with a_service(database_url, Neighbours()) as service:
        for first in (None, *MODES):
            for then in (None, *MODES):
                service.post(mode=first, idempotency_key=f'"{first}"')
                answer = service.post(mode=then, idempotency_key=f'"{first}"')
                same = 201 if first else 202
                assert answer.status_code == (same if first == then else 422)


def test_without_a_key_every_request_is_a_new_order(sqlite_url: str) -> None:
    with a_service(sqlite_url, Neighbours()) as service:
        ids = {service.post(mode="sync").get_json()["orderId"] for _ in range(2)}
    assert len(ids) == 2


def test_a_second_request_for_an_order_in_progress_must_wait(database_url: str) -> None:
    held = Held()
    with a_service(database_url, Neighbours(email=held)) as service:
        with a_running_order(service, held) as answers:
            second = service.post(mode="sync", idempotency_key=KEY)
            assert second.status_code == 409
            assert 1 <= int(second.headers["Retry-After"]) <= 5
            assert service.get("/outbox").get_json()["running"] == 1
            assert the_order(service).status == "pending"
        assert answers[0].status_code == 201
        assert service.get("/outbox").get_json()["running"] == 0
        assert service.post(mode="sync", idempotency_key=KEY).status_code == 201


def test_of_many_requests_with_one_key_only_one_runs_the_order(database_url: str) -> None:
    neighbours = Neighbours(limit=8)
    with a_service(database_url, neighbours) as service:
        answers = in_threads(8, lambda: service.post(mode="sync", idempotency_key=KEY))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert service.rows() == (1, 0)
    assert neighbours.called == list(CONSUMERS)


def dies(_request: httpx.Request) -> httpx.Response:
    raise Death


def test_a_crash_blocks_the_key_until_the_lease_expires(database_url: str) -> None:
    clock = Clock()
    neighbours = Neighbours(sms=dies, clock=clock)
    with a_service(database_url, neighbours) as service:
        with pytest.raises(Death):
            service.post(mode="sync", idempotency_key=KEY)
        neighbours.answers.clear()
        assert the_order(service).status == "pending"
        clock.now = the_lease(service) - 0.001
        assert service.post(mode="sync", idempotency_key=KEY).status_code == 409
        clock.now = the_lease(service)
        assert service.post(mode="sync", idempotency_key=KEY).status_code == 201
    assert len({request.headers["ce-id"] for _, request in neighbours.calls}) == 1


def test_the_lease_is_longer_than_all_calls_of_an_order(sqlite_url: str) -> None:
    for mode, longest in (("sync", 4 * (5.0 + 2.0)), ("parallel", 5.0 + 2.0)):
        clock = Clock()
        with a_service(sqlite_url, Neighbours(email=dies, clock=clock)) as service:
            with pytest.raises(Death):
                service.post(mode=mode, idempotency_key=f'"{mode}"')
            with service.engine.connect() as tx:
                until = tx.scalar(select(runs.c.lease_until).where(runs.c.mode == mode))
        assert until == clock.now + longest + 5.0


def test_a_run_that_ends_after_a_takeover_changes_nothing(database_url: str) -> None:
    clock, held = Clock(), Held()
    neighbours = Neighbours(email=held, clock=clock)
    with a_service(database_url, neighbours) as service:
        with a_running_order(service, held):
            clock.now = the_lease(service)
            neighbours.answers["email"] = is_down
            assert service.post(mode="sync", idempotency_key=KEY).status_code == 502
        assert the_order(service).status == "failed"
        assert [stage["outcome"] for stage in recorded(service)] == ["failed"]


def recorded(service: OrderService) -> Any:
    with service.engine.connect().execution_options(read_only=True) as tx:
        return json.loads(tx.scalar(select(runs.c.stages)) or "")


@pytest.mark.parametrize("mode", MODES)
def test_beyond_their_share_of_threads_only_synchronous_orders_are_refused(
    database_url: str, mode: str
) -> None:
    held = Held()
    with a_service(database_url, Neighbours(limit=1, email=held)) as service:
        with a_running_order(service, held, mode):
            refused = service.post(mode=mode)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert service.post().status_code == 202
        assert service.rows() == (2, 1)
        assert service.post(mode=mode).status_code == 201


def test_a_share_of_zero_threads_is_explained(sqlite_url: str) -> None:
    with a_service(sqlite_url, Neighbours(limit=0)) as service:
        assert "THREADS" in service.post(mode="sync").get_json(force=True)["detail"]


def test_threads_are_released_after_a_failure(sqlite_url: str) -> None:
    with a_service(sqlite_url, Neighbours(limit=1, email=is_down)) as service:
        assert [service.post(mode="sync").status_code for _ in range(3)] == [502] * 3


@pytest.mark.parametrize("query", ["mode=later", "mode=", "mode=sync&mode=async", "mode=SYNC"])
def test_an_unknown_mode_is_refused(sqlite_url: str, query: str) -> None:
    with a_service(sqlite_url, Neighbours()) as service:
        answer = service.app.test_client().post(f"/orders?{query}", json=AN_ORDER)
        assert answer.status_code == 400
        assert service.rows() == (0, 0)


def journey(service: OrderService, answer: TestResponse) -> Any:
    order_id = answer.get_json(force=True)["orderId"]
    return service.get(f"/orders/{order_id}/journey").get_json()


@pytest.mark.parametrize(("sms", "status"), [(applies, "completed"), (is_down, "failed")])
def test_a_journey_shows_the_calls(sqlite_url: str, sms: Callable[..., Any], status: str):
    with a_service(sqlite_url, Neighbours(sms=sms)) as service:
        answer = service.post(mode="sync")
        found = journey(service, answer)
    assert (found["status"], found["mode"], found["outbox"]) == (status, "sync", "none")
    assert found["stages"] == answer.get_json(force=True)["stages"]


def test_a_lease_far_in_the_future_does_not_count(sqlite_url: str) -> None:
    clock = Clock()
    with a_service(sqlite_url, Neighbours(clock=lambda: clock.now)) as service:
        placed = service.post().get_json()["orderId"]
        row = {"order_id": placed, "mode": "sync", "stages": "[]", "lease_until": clock.now + 9e5}
        with service.engine.begin() as tx:
            tx.execute(runs.insert(), row)
        assert service.get("/outbox").get_json()["running"] == 0
        with service.engine.begin() as tx:
            tx.execute(runs.update().values(lease_until=clock.now + 60))
        assert service.get("/outbox").get_json()["running"] == 1
