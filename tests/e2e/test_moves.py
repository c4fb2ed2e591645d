"""A consumer is killed after it has published a retry or a dead letter, and before the
acknowledgement: the event is there twice, and is applied once.

On the embedded broker a move is one transaction, so there is no such moment.
"""

from pathlib import Path

import pytest

from tests.e2e.books import Books
from tests.e2e.parts.killed_while_moving import FAILING
from tests.e2e.patience import eventually

KILLED = "tests.e2e.parts.killed_while_moving"


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("name", ["sms", "inventory"])
def test_an_event_whose_retry_was_published_is_applied_once(
    books: Books, tmp_path: Path, name: str
) -> None:
    kill_while_moving(books, tmp_path / "died", name, "retry")
    books.balance()


@pytest.mark.parametrize("name", ["sms", "inventory"])
def test_an_event_whose_dead_letter_was_published_is_applied_once(
    books: Books, tmp_path: Path, name: str
) -> None:
    failed = kill_while_moving(books, tmp_path / "died", name, "dead_letter")
    shop = books.shop
    # The event was redelivered and applied. Its dead letter can be redriven like any other.
    assert shop.dead_letters(name).keys() == {failed}
    assert len(shop.dlq("redrive", name, "--all")["redriven"]) == 1
    books.balance()


def kill_while_moving(books: Books, marker: Path, name: str, move: str) -> str:
    """Place orders, one of which makes the consumer die; restore it. Returns the id of that one."""
    shop = books.shop
    shop.replace(name, KILLED, {"MARKER": str(marker), "MOVE": move})
    shop.stack.wait_ready([name])
    books.place(5)
    [failed] = books.place(1, user=FAILING)
    eventually(lambda: shop.has_died(name), f"{name} dies")
    assert marker.exists()
    shop.restore(name)
    return failed
