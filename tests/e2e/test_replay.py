"""Replays on a running system; the tests of this file share one shop per transport.

The audit at the end of each test checks all orders since the first, including those of earlier
replays.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orderctl.stack.parts import sqlite_in
from orderctl.stack.stack import Stack
from shared.transport import Depth
from tests.e2e.shop import CONSUMERS, ENVIRONMENT, LADDER, Shop, eventually
from tests.e2e.test_kills import KILLED, has_died
from tests.zygote.client import fork_python
from tools.servers import PostgresServer, RabbitMQServer

#: Seconds. Long enough to stop a replay of mails half way.
EMAIL_SECONDS = 0.3
AT_A_TIME = 4
FAULTY = "tests.e2e.parts.faulty_consumer"

Figures = tuple[Mapping[str, Any], Mapping[str, Any]]


class Books:
    """The shop, the number of orders, the effects repeated on purpose, and the number of mails that
    crashes may have repeated.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.placed = 0
        self.crashes = 0
        self.on_purpose = dict.fromkeys((*CONSUMERS, "shipping"), 0)

    def place(self, number: int) -> list[str]:
        orders = self.shop.place(number)
        self.placed += len(orders)
        return orders

    def balance(self, *, earlier: int = 0) -> dict[str, Any]:
        """Assert that every effect happened once, plus the ones repeated on purpose."""
        report = self.shop.audit(crashes=self.crashes)
        assert report["exitStatus"] == 0, json.dumps(report, indent=1)
        assert (report["accepted"], report["answered"]) == (self.placed, self.placed)
        for name, service in report["services"].items():
            expected = self.placed - (earlier if name == "shipping" else 0)
            assert service["applied"] == expected, (name, service)
            assert len(service["resentOnPurpose"]) == self.on_purpose[name], name
        return report

    def figures(self) -> Figures:
        return self.shop.get("analytics", "/totals"), self.shop.get("analytics", "/products")

    def depths(self) -> dict[str, Depth]:
        return {name: self.shop.broker().depth(name) for name in CONSUMERS}


def embedded(_request: pytest.FixtureRequest, folder: Path) -> Stack:
    return _stack(folder)


def rabbitmq(request: pytest.FixtureRequest, folder: Path) -> Stack:
    server: RabbitMQServer = request.getfixturevalue("rabbitmq_server")
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    names: Iterator[str] = request.getfixturevalue("unique_names")
    server.start()
    postgres.start()
    databases = cache(lambda _name: postgres.create_database(next(names)))
    return _stack(
        folder,
        broker_url=server.create_vhost(next(names)),
        database_urls=lambda name: (
            sqlite_in(folder)(name) if name in ("mail_sink", "sms_gateway") else databases(name)
        ),
    )


def _stack(folder: Path, **more: Any) -> Stack:
    email = {**ENVIRONMENT["email"], "CONCURRENCY": str(AT_A_TIME)}
    return Stack(
        folder / "stack",
        ladder=LADDER,
        work_times={"email": EMAIL_SECONDS},
        environment={**ENVIRONMENT, "email": email},
        start=fork_python,
        **more,
    )


@pytest.fixture(scope="module", params=[embedded, rabbitmq])
def books(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("replays")
    make: Callable[[pytest.FixtureRequest, Path], Stack] = request.param
    with make(request, folder) as stack:
        books = Books(Shop(stack, folder / "accepted.ndjson"))
        books.shop.open()
        yield books


def counts(replay: Any) -> dict[str, int]:
    names = ("seen", "applied", "alreadyApplied", "rewritten", "ignored", "failed")
    return {name: replay[name] for name in names if replay[name]}


def test_a_rebuild_restores_equal_figures_and_leaves_live_queues_alone(
    books: Books,
) -> None:
    books.place(30)
    books.balance()
    books.shop.stack.stop("sms")
    books.place(10)
    eventually(lambda: books.figures()[0]["orders"] == books.placed, what="all facts")
    before = books.figures()

    replay = books.shop.replay("analytics", "--from", "beginning")

    assert (replay["state"], counts(replay)) == ("done", {"seen": 40, "rewritten": 40})
    assert books.figures() == before
    # The events of the stopped service are still waiting.
    assert books.shop.broker().depth("sms").ready == 10
    books.shop.stack.start("sms")
    books.balance()


def test_under_load_no_figure_is_ever_missing_and_all_end_up_right(books: Books) -> None:
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen.append(books.figures()[0]["orders"])

    watching = threading.Thread(target=watch)
    answers_before = books.placed
    placing = books.shop.begin_placing(750, rate=15)
    watching.start()
    try:
        books.shop.under_load(placing, answers_before + 20)
        replays = [books.shop.replay("analytics", "--from", "beginning") for _ in range(2)]
        assert placing.poll() is None, "all orders are placed: the replay was not under load"
    finally:
        books.placed += len(books.shop.end_placing(placing))
        over.set()
        watching.join()
    assert [replay["state"] for replay in replays] == ["done", "done"]
    # The count never falls: no fact was missing at any time while it was rewritten.
    assert seen == sorted(seen)
    books.balance()
    before = books.figures()
    books.shop.replay("analytics", "--from", "beginning")
    assert books.figures() == before


def test_a_killed_rebuild_is_run_again_with_the_same_figures(books: Books, tmp_path: Path) -> None:
    books.balance()
    before = books.figures()
    stack, marker = books.shop.stack, tmp_path / "died"
    stack.stop("analytics")
    # Everything is applied, so the first write is the replay's: it crashes with rows deleted.
    variables = {"PART": "analytics", "AT": "before_commit", "MARKER": str(marker)}
    stack.start("analytics", KILLED, variables)
    stack.wait_ready(["analytics"])
    killed = books.shop.dead_replay("analytics", "--from", "beginning")
    eventually(lambda: has_died(books.shop, "analytics"), what="analytics dies")
    assert marker.exists()
    assert "does not answer" in killed

    stack.start("analytics")
    stack.wait_ready(["analytics"])
    assert books.figures() == before
    eventually(lambda: newest(books, "analytics")["state"] == "interrupted", what="it is marked")
    interrupted = newest(books, "analytics")
    assert "run it again" in interrupted["reason"]
    again = books.shop.replay("analytics", "--again", interrupted["id"])
    assert again["id"] == interrupted["id"]
    assert counts(again) == {"seen": books.placed, "rewritten": books.placed}
    assert books.figures() == before
    books.balance()


def newest(books: Books, service: str) -> Any:
    return books.shop.get(service, "/replays")["replays"][0]


@pytest.mark.parametrize("service", ["email", "sms", "inventory"])
def test_a_replay_repeats_no_effect(books: Books, service: str) -> None:
    books.balance()
    replay = books.shop.replay(service, "--from", "beginning")
    assert counts(replay) == {"seen": books.placed, "alreadyApplied": books.placed}
    assert "not done again" in replay["remarks"][0]
    books.balance()


def test_a_replay_sends_mails_that_were_never_sent(books: Books) -> None:
    books.shop.fault("sms", "--failures", "1")
    books.place(5)
    eventually(lambda: books.shop.broker().depth("sms").dead == 5, what="five dead letters")
    books.shop.fault("sms", "--clear")
    books.shop.dlq("discard", "sms", "--all", "--yes")
    assert len(books.shop.audit()["services"]["sms"]["lost"]) == 5

    would = books.shop.replay("sms", "--from", "beginning", "--dry-run")
    assert would["applied"] == 5
    assert len(books.shop.audit()["services"]["sms"]["lost"]) == 5
    replay = books.shop.replay("sms", "--from", "beginning")
    assert counts(replay) == {
        "seen": books.placed,
        "applied": 5,
        "alreadyApplied": books.placed - 5,
    }
    books.balance()


def test_a_resend_sends_once_more_and_the_audit_does_not_count_duplicates(
    books: Books,
) -> None:
    books.balance()
    replay = books.shop.replay("sms", "--from", "beginning", "--resend")
    assert counts(replay) == {"seen": books.placed, "applied": books.placed}
    books.on_purpose["sms"] += books.placed
    again = books.shop.replay("sms", "--again", replay["id"])
    assert counts(again) == {"seen": books.placed, "alreadyApplied": books.placed}
    books.balance()


def test_a_killed_resend_that_is_run_again_sends_nothing_twice(books: Books) -> None:
    books.balance()
    resend = ["email", "--from", "0", "--resend"]
    thread, said = in_background(lambda: books.shop.dead_replay(*resend))
    eventually(lambda: resending(books), what="some mails are sent again")
    books.shop.stack.kill("email")
    thread.join()
    assert "does not answer" in said[0]

    books.shop.stack.start("email")
    books.shop.stack.wait_ready(["email"])
    eventually(lambda: newest(books, "email")["state"] == "interrupted", what="it is marked")
    interrupted = newest(books, "email")
    assert 0 < interrupted["seen"] < books.placed
    replay = books.shop.replay("email", "--again", interrupted["id"])
    assert (replay["state"], replay["seen"], replay["failed"]) == ("done", books.placed, 0)
    assert replay["alreadyApplied"] > 0
    books.on_purpose["email"] += books.placed
    # Only mails in flight at the kill may have been sent twice, and then with the same Message-ID.
    books.crashes += AT_A_TIME
    books.balance()


def resending(books: Books) -> bool:
    replay = newest(books, "email")
    return bool(replay["resend"] and replay["state"] == "running" and replay["seen"] > 8)


def in_background(work: Callable[[], str]) -> tuple[threading.Thread, list[str]]:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(work()))
    thread.start()
    return thread, said


def test_a_latecomer_gets_new_events_and_past_ones_by_a_replay(books: Books) -> None:
    books.balance()
    past, stack = books.placed, books.shop.stack
    stack.join("shipping")
    report = books.balance(earlier=past)
    assert len(report["services"]["shipping"]["earlier"]) == past
    books.place(3)
    assert books.balance(earlier=past)["services"]["shipping"]["applied"] == 3

    replay = books.shop.replay("shipping", "--from", "beginning")
    assert counts(replay) == {"seen": books.placed, "applied": past, "rewritten": 3}
    assert books.balance()["services"]["shipping"]["earlier"] == []


def test_an_order_lost_by_a_latecomer_is_recovered_by_a_replay(
    books: Books,
) -> None:
    """The audit excuses a latecomer only for orders placed before it joined."""
    stack = books.shop.stack
    if "shipping" not in stack.plan.consumers:
        stack.join("shipping")
        books.shop.replay("shipping", "--from", "beginning")
    stack.stop("shipping")
    stack.start("shipping", FAULTY, {"PART": "shipping", "FAULT": "forgets"})
    stack.wait_ready(["shipping"])
    forgotten = books.shop.place(2, user="usr-fault")
    books.placed += len(forgotten)
    report = books.shop.audit()
    assert sorted(report["services"]["shipping"]["lost"]) == sorted(forgotten)
    assert report["exitStatus"] == 1

    stack.stop("shipping")
    stack.start("shipping")
    stack.wait_ready(["shipping"])
    books.shop.replay("shipping", "--from", "beginning")
    books.balance()
