"""Part 6: an inbox that is written too early. Change `apply`."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

#: Changes something in the database.
Effect = Callable[[sqlite3.Connection], None]


def apply(database: sqlite3.Connection, event: str, effect: Effect) -> None:
    """Apply the effect once per event, however often the event is delivered."""
    with database:
        is_first = is_new(database, event)
    if is_first:
        with database:
            effect(database)


def is_new(database: sqlite3.Connection, event: str) -> bool:
    """Record the event in the inbox. False if it was already there."""
    row = database.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (event,))
    return row.rowcount == 1


# The tests. Leave them as they are.


class Killed(BaseException):
    """Simulates the death of the process."""


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE inbox (event TEXT PRIMARY KEY)")
        made.execute("CREATE TABLE stock (left_over INTEGER)")
        made.execute("INSERT INTO stock VALUES (10)")
        made.commit()
        yield made


def test_an_event_delivered_twice_has_one_effect(database: sqlite3.Connection) -> None:
    apply(database, "event-1", take_one)
    apply(database, "event-1", take_one)

    assert left_over(database) == 9


def test_a_crash_in_between_loses_nothing(database: sqlite3.Connection) -> None:
    with suppress(Killed):
        apply(database, "event-1", dies)

    apply(database, "event-1", take_one)

    assert left_over(database) == 9


def take_one(database: sqlite3.Connection) -> None:
    database.execute("UPDATE stock SET left_over = left_over - 1")


def dies(database: sqlite3.Connection) -> None:
    take_one(database)
    raise Killed


def left_over(database: sqlite3.Connection) -> int:
    [number] = database.execute("SELECT left_over FROM stock").fetchone()
    return int(number)
