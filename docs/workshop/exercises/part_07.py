"""Part 7: commit, then publish. Change `place` and `relay` so that every order is published."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

#: Returns when the broker has confirmed; raises ConnectionRefusedError while it is down.
Publish = Callable[[str], None]


def place(database: sqlite3.Connection, publish: Publish, order: str) -> None:
    with database:
        database.execute("INSERT INTO orders VALUES (?)", (order,))
    publish(order)


def relay(database: sqlite3.Connection, publish: Publish) -> None:
    """Publish waiting events. Called repeatedly."""


# The tests. Leave them as they are.


class Broker:
    def __init__(self) -> None:
        self.is_down = False
        self.published: list[str] = []

    def publish(self, event: str) -> None:
        if self.is_down:
            raise ConnectionRefusedError("the broker is down")
        self.published.append(event)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE orders (id TEXT)")
        made.execute("CREATE TABLE outbox (event TEXT)")
        yield made


def test_an_order_is_published_once(database: sqlite3.Connection) -> None:
    broker = Broker()

    place(database, broker.publish, "ord-1")
    relay(database, broker.publish)
    relay(database, broker.publish)

    assert broker.published == ["ord-1"]


def test_an_order_is_published_although_the_broker_was_down(database: sqlite3.Connection) -> None:
    broker = Broker()
    broker.is_down = True
    with suppress(ConnectionRefusedError):
        place(database, broker.publish, "ord-1")

    broker.is_down = False
    relay(database, broker.publish)

    assert (orders(database), broker.published) == (["ord-1"], ["ord-1"])


def test_an_unconfirmed_order_is_published_again(database: sqlite3.Connection) -> None:
    broker = Broker()
    broker.is_down = True
    with suppress(ConnectionRefusedError):
        place(database, broker.publish, "ord-1")
    with suppress(ConnectionRefusedError):
        relay(database, broker.publish)

    broker.is_down = False
    relay(database, broker.publish)

    assert broker.published == ["ord-1"]


def orders(database: sqlite3.Connection) -> list[str]:
    return [order for (order,) in database.execute("SELECT id FROM orders")]
