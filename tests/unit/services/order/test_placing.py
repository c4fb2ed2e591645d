"""Rows written when an order is placed, and the response."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from shared.events import ID_PATTERN, decode
from tests.fakes import Outage
from tests.order_service import AN_ORDER, OrderService

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


def test_the_response_has_the_order_id_and_total(service: OrderService) -> None:
    answer = service.post()
    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    body = answer.get_json()
    assert body == {"orderId": body["orderId"], "status": "accepted", "totalAmount": 104.98}
    assert re.match(ID_PATTERN, body["orderId"])
    assert answer.headers["Location"] == f"/orders/{body['orderId']}"
    assert service.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_a_media_type_may_have_parameters(service: OrderService, media_type: str) -> None:
    assert service.post(content_type=media_type).status_code == 202


def test_a_correct_total_may_be_given(service: OrderService) -> None:
    assert service.post({**AN_ORDER, "totalAmount": 104.98}).status_code == 202


def test_the_event_matches_the_contract(service: OrderService) -> None:
    order_id = service.post().get_json()["orderId"]
    [row] = service.waiting()
    assert row.payload == (
        f'{{"eventType":"order.placed","orderId":"{order_id}","userId":"usr-123","items":['
        '{"productId":"prod-456","quantity":2,"price":49.99},'
        '{"productId":"prod-457","quantity":1,"price":5.00}],"totalAmount":104.98}'
    )
    assert decode(row.payload.encode()).total_amount == Decimal("104.98")
    assert (row.aggregatetype, row.aggregateid) == ("order", order_id)
    assert (row.type, row.headers) == ("order.placed", "{}")
    assert abs((datetime.now(UTC) - row.created_at).total_seconds()) < 60


def test_the_largest_order_keeps_every_cent(service: OrderService) -> None:
    line = {"productId": "p" * 64, "quantity": 10_000, "price": 1_000_000}
    cheaper = {**line, "price": 999_999.99}
    answer = service.post({"userId": "u" * 62, "items": [line] * 99 + [cheaper]})
    assert answer.status_code == 202
    assert json.loads(answer.data, parse_float=Decimal)["totalAmount"] == Decimal("999999999900.00")
    shown = service.get(answer.headers["Location"])
    total = json.loads(shown.data, parse_float=Decimal)["totalAmount"]
    assert total == Decimal("999999999900.00")


@pytest.mark.parametrize("written", ["0", "0.0", "-0", "-0.0", "0e999", "0.00e-9"])
def test_a_price_of_zero_is_written(service: OrderService, written: str) -> None:
    items = f'[{{"productId": "p", "quantity": 1, "price": {written}}}]'
    assert service.post(f'{{"userId": "u", "items": {items}}}'.encode()).status_code == 202
    assert '"price":0.00' in service.waiting()[0].payload


def test_the_trace_context_is_stored_with_the_event(service: OrderService) -> None:
    service.post(traceparent=TRACE)
    assert json.loads(service.waiting()[0].headers) == {"traceparent": TRACE}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        TRACE.upper(),
        TRACE.replace("00-", "ff-", 1),
        TRACE + "-more",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
    ],
)
def test_an_invalid_trace_context_is_ignored(service: OrderService, header: str) -> None:
    assert service.post(traceparent=header).status_code == 202
    assert service.waiting()[0].headers == "{}"


def test_no_order_is_accepted_while_the_database_is_down(service: OrderService) -> None:
    outages = [Outage(service.placing), Outage(service.engine)]
    for outage in outages:
        outage.is_on = True
        answer = service.post()
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) >= 1
    assert service.get("/health/ready").status_code == 503
    for outage in outages:
        outage.is_on = False
    assert service.rows() == (0, 0)
    assert service.get("/health/ready").get_json() == {"ready": True, "reason": None}
    assert service.post().status_code == 202


def test_an_order_is_not_written_without_its_event(
    service: OrderService,
) -> None:
    """No response was sent, and without its event the order would never be processed."""

    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "INTO outbox" in statement:
            refused.append(statement)
            raise OperationalError(statement, None, Exception("the disk is full"))

    refused: list[str] = []
    event.listen(service.placing, "before_cursor_execute", refuse)
    assert service.post().status_code == 503
    assert len(refused) == 1
    assert service.rows() == (0, 0)


def test_without_its_tables_it_is_not_ready(service: OrderService) -> None:
    with service.engine.begin() as tx:
        tx.exec_driver_sql("DROP TABLE outbox")
    answer = service.get("/health/ready")
    assert answer.status_code == 503
    assert "migrate" in answer.get_json()["reason"]
    assert service.post().status_code == 503
    assert service.get("/health/live").status_code == 200
