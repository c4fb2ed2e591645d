"""Locust against a fake server: which responses count as failures, and which as refusals."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from loadtest.locust_process import LEDGER, RESULTS, Locust
from loadtest.outcome import LoadPlan
from loadtest.results import Line, read_results
from orderctl.audit.ledger import read_ledger
from orderctl.progress import silent


@dataclass(frozen=True)
class Given:
    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


#: A response to an order with this total.
Behaviour = Callable[[Decimal], Given]


def accept(total: Decimal) -> Given:
    body = {"orderId": "ord-1", "status": "accepted", "totalAmount": float(total)}
    headers = {"Content-Type": "application/json", "Location": "/orders/ord-1"}
    return Given(202, body, headers)


def accept_for_a_cent_more(total: Decimal) -> Given:
    return accept(total + Decimal("0.01"))


def refuse_for_now(_total: Decimal) -> Given:
    return Given(503, {}, {"Retry-After": "5"})


def refuse_without_a_time(_total: Decimal) -> Given:
    return Given(503, {})


def accept_slowly(total: Decimal) -> Given:
    time.sleep(1)
    return accept(total)


@dataclass(frozen=True)
class StubShop:
    """`given`: the status of every response sent."""

    url: str
    given: list[int]


@contextmanager
def a_shop(behave: Behaviour) -> Iterator[StubShop]:
    given: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prices = (Decimal(str(each["price"])) * each["quantity"] for each in order["items"])
            answer = behave(sum(prices, Decimal()))
            given.append(answer.status)
            self._send(answer, json.dumps(answer.document).encode())

        def _send(self, answer: Given, body: bytes) -> None:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield StubShop(f"http://127.0.0.1:{server.server_address[1]}", given)
        server.shutdown()
        thread.join()


def put_under_load(behave: Behaviour, folder: Path) -> tuple[int, dict[str, Line], int]:
    """Run locust; returns its exit status, results by name, and number of promises."""
    plan = LoadPlan(users=2, seconds=4, folder=folder, tags=("async",))
    with a_shop(behave) as shop:
        status = Locust(plan, shop.url).run(silent)
    lines = {line.name: line for line in read_results(folder / RESULTS)}
    promises = [answer.order_id for answer in read_ledger(folder / LEDGER)]
    assert set(promises) <= {"ord-1"}
    assert len(promises) == shop.given.count(202)
    return status, lines, len(promises)


ORDERS = "POST /orders async"
DUE = "POST /orders async (from when it was due)"
REFUSED = "POST /orders async (refused with 503)"


def test_a_correct_response_is_a_success_and_a_promise(tmp_path: Path) -> None:
    status, lines, promises = put_under_load(accept, tmp_path)

    assert status == 0
    assert set(lines) == {ORDERS, DUE}
    assert lines[ORDERS].requests == lines[DUE].requests == promises > 0
    assert lines[ORDERS].failures == 0


def test_a_user_leaving_after_the_burst_waits_for_its_response(tmp_path: Path) -> None:
    status, lines, promises = put_under_load(accept_slowly, tmp_path)

    assert status == 0
    assert lines[ORDERS].requests == promises > 0


def test_a_wrong_202_response_is_a_failure_and_a_promise(tmp_path: Path) -> None:
    status, lines, promises = put_under_load(accept_for_a_cent_more, tmp_path)

    assert status == 1
    assert lines[ORDERS].requests == lines[ORDERS].failures == promises > 0
    assert "totalAmount is" in (tmp_path / "report.html").read_text()


def test_a_temporary_refusal_is_counted_separately(tmp_path: Path) -> None:
    status, lines, promises = put_under_load(refuse_for_now, tmp_path)

    assert (status, promises) == (0, 0)
    assert set(lines) == {REFUSED}
    assert lines[REFUSED].failures == 0


def test_a_refusal_without_retry_after_is_a_failure(tmp_path: Path) -> None:
    status, lines, promises = put_under_load(refuse_without_a_time, tmp_path)

    assert (status, promises) == (1, 0)
    assert lines[ORDERS].requests == lines[ORDERS].failures > 0


def test_an_unreachable_server_is_a_failure(tmp_path: Path) -> None:
    with a_shop(accept) as shop:
        pass
    plan = LoadPlan(users=2, seconds=4, folder=tmp_path, tags=("async",))

    assert Locust(plan, shop.url).run(silent) == 1

    [orders] = [line for line in read_results(tmp_path / RESULTS) if line.name == ORDERS]
    assert orders.requests == orders.failures > 0


def test_a_run_without_requests_fails(tmp_path: Path) -> None:
    plan = LoadPlan(users=1, seconds=2, folder=tmp_path, tags=("no-such-tag",))

    assert Locust(plan, "http://127.0.0.1:9").run(silent) == 1
    assert not read_results(tmp_path / RESULTS)
