"""Pruning in the order service deletes old idempotency keys and nothing else."""

from datetime import datetime

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from services.order.prune import forget_keys
from services.order.schema import orders
from shared.database.engine import writing
from shared.settings import PruneSettings
from tests.order_service import AN_ORDER, OrderService
from tests.pruning import KEEP, NOW, TICK


def test_keys_are_kept_at_least_a_day_longer_than_the_brokers_events(database_url: str) -> None:
    assert PruneSettings(database_url=database_url, keep_days=8).keep_days == 8
    with pytest.raises(ValidationError, match="keep_days"):
        PruneSettings(database_url=database_url, keep_days=7)


def test_recent_keys_still_work_and_old_ones_can_be_used_again(database_url: str) -> None:
    with OrderService(database_url) as service:
        old, young = (_order(service, key) for key in ("old", "young"))
        _place_at(service, old, NOW - KEEP - TICK)
        _place_at(service, young, NOW - KEEP)
        rows = service.rows()
        assert forget_keys(service.engine, NOW - KEEP, batch=1) == 1
        assert forget_keys(service.engine, NOW - KEEP) == 0
        assert service.rows() == rows
        assert _order(service, "young") == young
        assert _order(service, "old") != old
        assert service.rows() == (3, 3)


def _order(service: OrderService, key: str) -> str:
    answer = service.post(AN_ORDER, idempotency_key=f'"{key}"')
    assert answer.json is not None
    return str(answer.json["orderId"])


def _place_at(service: OrderService, order_id: str, at: datetime) -> None:
    with writing(service.engine) as tx:
        tx.execute(update(orders).where(orders.c.order_id == order_id).values(placed_at=at))
