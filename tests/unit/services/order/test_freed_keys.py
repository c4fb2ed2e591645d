"""Placing an order while `prune` frees its idempotency key between two statements."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from services.order.idempotency import scoped
from services.order.placing import TRIES
from services.order.prune import forget_keys
from services.order.schema import orders
from shared.database.engine import writing
from tests.order_service import AN_ORDER, OrderService


@pytest.fixture
def service(database_url: str) -> Iterator[OrderService]:
    with OrderService(database_url) as made:
        yield made


def place(service: OrderService) -> str:
    answer = service.post(idempotency_key='"k"')
    assert answer.status_code == 202
    return str(answer.get_json()["orderId"])


def free_all_keys(service: OrderService) -> None:
    forget_keys(service.engine, datetime.now(UTC) + timedelta(days=1))


def before_the_order_is_read(service: OrderService, act: Callable[[], None]) -> None:
    """Run `act` after the conflict, and before the order with the key is read."""

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            act()

    event.listen(service.placing, "before_cursor_execute", look)


def test_a_key_freed_in_between_is_used_again(service: OrderService) -> None:
    first = place(service)
    before_the_order_is_read(service, lambda: free_all_keys(service))
    second = place(service)
    assert second != first
    assert service.rows() == (2, 2)


def test_a_key_that_keeps_changing_asks_the_client_to_retry(
    service: OrderService,
) -> None:
    """The key is free whenever its order is looked up, and taken whenever one is written."""
    owner = place(service)
    freed: list[str] = []

    def lend() -> None:
        _hand_over(service, owner, None)
        freed.append(owner)

    def take_back(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            _hand_over(service, owner, scoped("k", AN_ORDER["userId"]))

    before_the_order_is_read(service, lend)
    event.listen(service.placing, "after_cursor_execute", take_back)
    answer = service.post(idempotency_key='"k"')
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert len(freed) == TRIES
    assert service.rows() == (1, 1)


def _hand_over(service: OrderService, order_id: str, key: str | None) -> None:
    with writing(service.engine) as tx:
        the_order = update(orders).where(orders.c.order_id == order_id)
        tx.execute(the_order.values(idempotency_key=key))
