"""Replays on a running system; the tests of this file share one shop per transport.

The audit at the end of each test checks all orders since the first, including those of earlier
replays.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.background import again_and_again, in_background
from tests.e2e.books import Books
from tests.e2e.patience import eventually

#: Seconds. Long enough to stop a replay of mails half way.
EMAIL_SECONDS = 0.3
AT_A_TIME = 4
KILLED = "tests.e2e.parts.killed_consumer"
FAULTY = "tests.e2e.parts.faulty_consumer"

Figures = tuple[Mapping[str, Any], Mapping[str, Any]]


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    return {
        "work_times": {"email": EMAIL_SECONDS},
        "environment": {"email": {"CONCURRENCY": str(AT_A_TIME)}},
    }


@pytest.fixture
def past(books: Books) -> Books:
    """The shop with orders that every service has applied."""
    if books.placed < 30:
        books.place(30)
        books.balance()
    return books


def figures(books: Books) -> Figures:
    return books.shop.get("analytics", "/totals"), books.shop.get("analytics", "/products")


def counts(replay: Any) -> dict[str, int]:
    names = ("seen", "applied", "alreadyApplied", "rewritten", "ignored", "failed")
    return {name: replay[name] for name in names if replay[name]}


def test_a_rebuild_restores_equal_figures_and_leaves_live_queues_alone(
    past: Books,
) -> None:
    past.shop.stack.stop("sms")
    past.place(10)
    eventually(lambda: figures(past)[0]["orders"] == past.placed, "all facts")
    before = figures(past)

    replay = past.shop.replay("analytics", "--from", "beginning")

    assert (replay["state"], counts(replay)) == (
        "done",
        {"seen": past.placed, "rewritten": past.placed},
    )
    assert figures(past) == before
    # The events of the stopped service are still waiting.
    assert past.shop.broker.depth("sms").ready == 10
    past.shop.restore("sms")
    past.balance()


def test_under_load_no_figure_is_ever_missing_and_all_end_up_right(past: Books) -> None:
    first = past.placed
    with customers(past) as answers, watched_figures(past) as seen:
        replays = 0
        while replays < 2 and answers() < first + 600:
            before = answers()
            replay = past.shop.replay("analytics", "--from", "beginning")
            assert replay["state"] == "done"
            # Counts only replays during which orders were accepted.
            replays += answers() > before
        assert replays == 2
    # The count never falls: no fact was missing at any time while it was rewritten.
    assert seen == sorted(seen)
    assert first <= seen[0] < seen[-1]
    past.balance()
    right = figures(past)
    past.shop.replay("analytics", "--from", "beginning")
    assert figures(past) == right


@contextmanager
def customers(books: Books) -> Iterator[Callable[[], int]]:
    """Place orders during the block; yields a function for the number answered so far."""
    before = books.placed
    with again_and_again(lambda: books.place(10, rate=20)):
        eventually(lambda: books.shop.answers() > before, "orders come")
        yield books.shop.answers


@contextmanager
def watched_figures(books: Books) -> Iterator[list[int]]:
    """Yields the order counts that analytics reports during the block, in sequence."""
    seen: list[int] = []
    with again_and_again(lambda: seen.append(figures(books)[0]["orders"]), pause=0.02):
        yield seen


def test_a_killed_rebuild_is_run_again_with_the_same_figures(past: Books, tmp_path: Path) -> None:
    books, shop, marker = past, past.shop, tmp_path / "died"
    before = figures(books)
    # Everything is applied, so the first write is the replay's: it crashes with rows deleted.
    shop.replace("analytics", KILLED, {"AT": "before_commit", "MARKER": str(marker)})
    shop.stack.wait_ready(["analytics"])
    killed = books.shop.dead_replay("analytics", "--from", "beginning")
    eventually(lambda: books.shop.has_died("analytics"), "analytics dies")
    assert marker.exists()
    assert "does not respond" in killed

    shop.restore("analytics")
    assert figures(books) == before
    eventually(lambda: newest(books, "analytics")["state"] == "interrupted", "it is marked")
    interrupted = newest(books, "analytics")
    assert "run it again" in interrupted["reason"]
    again = books.shop.replay("analytics", "--again", interrupted["id"])
    assert again["id"] == interrupted["id"]
    assert counts(again) == {"seen": books.placed, "rewritten": books.placed}
    assert figures(books) == before
    books.balance()


def newest(books: Books, service: str) -> Any:
    return books.shop.get(service, "/replays")["replays"][0]


@pytest.mark.parametrize("service", ["email", "sms", "inventory"])
def test_a_replay_repeats_no_effect(past: Books, service: str) -> None:
    books = past
    replay = books.shop.replay(service, "--from", "beginning")
    assert counts(replay) == {"seen": books.placed, "alreadyApplied": books.placed}
    assert "not done again" in replay["remarks"][0]
    books.balance()


def test_a_replay_sends_mails_that_were_never_sent(past: Books) -> None:
    books = past
    books.shop.fault("sms", "--failures", "1")
    books.place(5)
    eventually(lambda: books.shop.broker.depth("sms").dead == 5, "five dead letters")
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
    past: Books,
) -> None:
    books = past
    replay = books.shop.replay("sms", "--from", "beginning", "--resend")
    assert counts(replay) == {"seen": books.placed, "applied": books.placed}
    books.on_purpose["sms"] += books.placed
    again = books.shop.replay("sms", "--again", replay["id"])
    assert counts(again) == {"seen": books.placed, "alreadyApplied": books.placed}
    books.balance()


def test_a_killed_resend_that_is_run_again_sends_nothing_twice(past: Books) -> None:
    books, shop = past, past.shop
    with in_background(lambda: shop.dead_replay("email", "--from", "0", "--resend")) as said:
        eventually(lambda: resending(books), "some mails are sent again")
        shop.stack.kill("email")
    assert "does not respond" in str(said.result())

    shop.restore("email")
    eventually(lambda: newest(books, "email")["state"] == "interrupted", "it is marked")
    interrupted = newest(books, "email")
    assert 0 < interrupted["seen"] < books.placed
    replay = shop.replay("email", "--again", interrupted["id"])
    assert (replay["state"], replay["seen"], replay["failed"]) == ("done", books.placed, 0)
    assert replay["alreadyApplied"] > 0
    books.on_purpose["email"] += books.placed
    # Only mails in flight at the kill may have been sent twice, and then with the same Message-ID.
    books.crashes += AT_A_TIME
    books.balance()


def resending(books: Books) -> bool:
    replays = books.shop.get("email", "/replays")["replays"]
    return any(
        replay["resend"] and replay["state"] == "running" and replay["seen"] > 8
        for replay in replays
    )


def test_a_latecomer_gets_new_events_and_past_ones_by_a_replay(past: Books, transport: str) -> None:
    books = past
    # On Kafka a new service starts with all retained events, so it has missed none.
    missed = 0 if transport == "kafka" else books.placed
    books.shop.stack.join("shipping")
    report = books.balance(earlier=missed)
    assert len(report["services"]["shipping"]["earlier"]) == missed
    books.place(3)
    seen = books.placed - missed
    assert books.balance(earlier=missed)["services"]["shipping"]["applied"] == seen

    replay = books.shop.replay("shipping", "--from", "beginning")
    added = {"applied": missed} if missed else {}
    assert counts(replay) == {"seen": books.placed, "rewritten": seen} | added
    assert books.balance()["services"]["shipping"]["earlier"] == []


def test_an_order_lost_by_a_latecomer_is_recovered_by_a_replay(
    books: Books,
) -> None:
    """The audit excuses a latecomer only for orders placed before it joined."""
    shop = books.shop
    if "shipping" not in shop.stack.plan.consumers:
        shop.stack.join("shipping")
        shop.replay("shipping", "--from", "beginning")
    shop.replace("shipping", FAULTY, {"FAULT": "forgets"})
    shop.stack.wait_ready(["shipping"])
    forgotten = books.place(2, user="usr-fault")
    report = shop.audit(crashes=books.crashes)
    assert sorted(report["services"]["shipping"]["lost"]) == sorted(forgotten)
    assert report["exitStatus"] == 1

    shop.restore("shipping")
    shop.replay("shipping", "--from", "beginning")
    books.balance()
