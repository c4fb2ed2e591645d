"""Every promise is written to disk first; response times count from when a request was due."""

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadtest.ledger import Ledger
from loadtest.listeners import counting_from_when_due, noting
from orderctl.audit.facts import Answer
from orderctl.audit.ledger import read_ledger


def body(order_id: str) -> bytes:
    return json.dumps({"orderId": order_id}).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "accepted.ndjson"


def test_promises_are_recorded_in_the_audits_format(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        for status, order in ((202, "ord-1"), (201, "ord-2"), (503, "ord-3"), (0, "ord-4")):
            ledger.note(status, body(order))

    assert list(read_ledger(path)) == [Answer("ord-1", status=202), Answer("ord-2", status=201)]


def test_a_line_is_flushed_before_the_next_step(path: Path) -> None:
    flushed = []
    with closing(
        Ledger(path, flush=lambda _descriptor: flushed.append(path.read_text()))
    ) as ledger:
        ledger.note(202, body("ord-1"))

    assert flushed == ['{"orderId": "ord-1", "status": 202}\n']


def test_several_processes_append_to_one_file(path: Path) -> None:
    with closing(Ledger(path)) as first, closing(Ledger(path)) as second:
        for order, ledger in enumerate([first, second, first]):
            ledger.note(202, body(f"ord-{order}"))

    assert [answer.order_id for answer in read_ledger(path)] == ["ord-0", "ord-1", "ord-2"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_promise_without_an_order_is_recorded_too(path: Path, content: bytes) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.note(202, content)

    [answer] = read_ledger(path)
    assert answer.order_id.startswith("unreadable")


@dataclass
class Response:
    status_code: int
    content: bytes | None


def test_only_responses_to_post_requests_are_examined(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        note = noting(ledger)
        note(request_type="POST", response=Response(202, body("ord-1")), name="/orders async")
        note(request_type="GET", response=Response(202, body("ord-2")))
        note(request_type="POST", response=Response(0, None))
        note(request_type="POST", response=None)

    assert list(read_ledger(path)) == [Answer("ord-1", status=202)]


def test_a_request_is_counted_from_when_it_was_due() -> None:
    fired: list[dict[str, Any]] = []
    count = counting_from_when_due(lambda **facts: fired.append(facts), clock=lambda: 12.5)

    count(request_type="POST", name="/orders sync", context={"due": 10.0}, response_time=20)
    count(request_type="GET", name="/orders/ID", context={}, response_time=20)

    [facts] = fired
    assert facts["name"] == "/orders sync (from when it was due)"
    assert facts["response_time"] == 2500
    # No other listener counts it a second time.
    assert (facts["context"], facts["response"], facts["exception"]) == ({}, None, None)
