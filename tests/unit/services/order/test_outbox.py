"""The outbox backlog: how it is shown and limited."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, event

from services.order.errors import OutboxFull
from services.order.outbox import COUNT_SECONDS, BacklogLimit, oldest, remove
from services.order.schema import outbox
from tests.fakes import in_threads
from tests.order_service import OrderService


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def count_statements(service: OrderService) -> list[str]:
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(service.engine, "before_cursor_execute", record)
    return statements


def test_the_outbox_is_shown_with_the_age_of_its_oldest_row(service: OrderService) -> None:
    assert service.get("/outbox").get_json() == {
        "pending": 0,
        "oldestAgeSeconds": None,
        "setAside": 0,
        "running": 0,
    }
    service.post()
    first = service.waiting()[0].created_at
    service.post()
    shown = service.get("/outbox").get_json()
    assert shown["pending"] == 2
    youngest = service.waiting()[1].created_at
    assert shown["oldestAgeSeconds"] >= (youngest - first).total_seconds()
    assert shown["oldestAgeSeconds"] < 60


def test_orders_are_refused_at_the_limit_and_accepted_again_below_it(service: OrderService) -> None:
    clock = Clock()
    bound = BacklogLimit(service.engine, 2, clock=clock)
    service.post()
    bound.check()
    service.post()
    clock.now += COUNT_SECONDS
    with pytest.raises(OutboxFull):
        bound.check()
    with service.engine.begin() as tx:
        tx.execute(delete(outbox).where(outbox.c.seq == 1))
    clock.now += COUNT_SECONDS
    bound.check()


def test_a_full_outbox_gives_503_with_retry_after(sqlite_url: str) -> None:
    with OrderService(sqlite_url, outbox_limit=1) as service:
        # Written by another worker; this one has not counted it yet.
        with OrderService(sqlite_url) as other:
            other.post()
        answer = service.post()
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.get_json(force=True)["type"] == "/problems/outbox-full"
        assert int(answer.headers["Retry-After"]) >= 1
        assert service.rows() == (1, 1)


def test_the_backlog_is_counted_at_most_once_per_second(service: OrderService) -> None:
    clock = Clock()
    bound = BacklogLimit(service.engine, 5, clock=clock)
    statements = count_statements(service)
    in_threads(8, bound.check)
    assert len(statements) == 1
    clock.now += COUNT_SECONDS * 0.99
    bound.check()
    assert len(statements) == 1
    clock.now += COUNT_SECONDS * 0.02
    bound.check()
    assert len(statements) == 2


def test_no_more_rows_are_counted_than_the_limit(service: OrderService) -> None:
    statements = count_statements(service)
    BacklogLimit(service.engine, 5).check()
    assert "LIMIT" in statements[0]


def test_rows_become_messages_in_their_order(service: OrderService) -> None:
    order_ids = [service.post().get_json()["orderId"] for _ in range(3)]
    rows = service.waiting()
    with service.engine.connect() as connection:
        messages = [each.message for each in oldest(connection, 2)[0]]
    assert [message.key for message in messages] == order_ids[:2]
    assert [message.id for message in messages] == [row.id for row in rows[:2]]
    assert messages[0].body == rows[0].payload.encode()
    assert (messages[0].type, messages[0].source) == ("order.placed", "/services/order")
    assert messages[0].time == rows[0].created_at.isoformat()


def test_the_number_of_a_removed_row_is_not_used_again(service: OrderService) -> None:
    service.post()
    with service.engine.connect() as connection:
        [first] = oldest(connection, 10)[0]
        remove(connection, [first.seq])
        service.post()
        [second] = oldest(connection, 10)[0]
    assert second.seq > first.seq
