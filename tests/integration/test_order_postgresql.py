"""Orders on PostgreSQL: one statement per order, one order per key, and outages."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from services.order.idempotency import scoped
from tests.fakes import in_threads
from tests.order_service import AN_ORDER, OrderService
from tests.waiting import eventually, stays
from tools.servers import PostgresServer


@pytest.fixture
def service(postgres_url: str) -> Iterator[OrderService]:
    with OrderService(postgres_url) as made:
        yield made


def test_an_order_is_written_with_its_event(service: OrderService) -> None:
    order = service.get(service.post().headers["Location"]).get_json()
    [row] = service.waiting()
    assert (row.id, row.aggregateid) == (order["eventId"], order["orderId"])
    assert (row.aggregatetype, row.type) == ("order", "order.placed")
    assert order["totalAmount"] == 104.98
    assert service.get("/orders").get_json() == {"orders": [order], "next": None}
    assert service.get("/outbox").get_json()["pending"] == 1


def test_an_order_is_one_statement(service: OrderService) -> None:
    service.post()
    statements: list[str] = []
    event.listen(service.placing, "before_cursor_execute", lambda *a: statements.append(a[2]))
    service.post()
    assert len(statements) == 1


def test_concurrent_requests_with_one_key_create_one_order(service: OrderService) -> None:
    for round in range(10):
        answers = in_threads(12, partial(service.post, idempotency_key=f'"key {round}"'))
        assert [answer.status_code for answer in answers] == [202] * 12
        assert len({answer.data for answer in answers}) == 1
        assert service.rows() == (round + 1, round + 1)


class Rival:
    """Another request with the same key, whose transaction the test keeps open."""

    def __init__(self, url: str, service: OrderService) -> None:
        service.post(idempotency_key='"another"')
        self.connection = psycopg.connect(url)
        self.connection.execute(
            """INSERT INTO orders (order_id, event_id, user_id, items, total_amount, status,
                                   placed_at, idempotency_key, fingerprint)
               SELECT 'ord-rival', 'event-rival', user_id, items, total_amount, status,
                      placed_at, %s, fingerprint FROM orders""",
            [scoped("contested", AN_ORDER["userId"])],
        )


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_duplicate_waits_for_the_first_request(
    service: OrderService, postgres_url: str, end: str
) -> None:
    rival = Rival(postgres_url, service)
    answers: list[Any] = []
    duplicate = threading.Thread(
        target=lambda: answers.append(service.post(idempotency_key='"contested"'))
    )
    duplicate.start()
    stays(lambda: not answers)
    getattr(rival.connection, end)()
    duplicate.join()
    rival.connection.close()
    assert answers[0].status_code == 202
    assert (answers[0].get_json()["orderId"] == "ord-rival") is (end == "commit")


def test_another_order_with_a_used_key_is_refused(service: OrderService) -> None:
    service.post(idempotency_key='"k"')
    other = {"userId": AN_ORDER["userId"], "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    answer = service.post(other, idempotency_key='"k"')
    assert answer.status_code == 422
    assert answer.get_json(force=True)["type"] == "/problems/idempotency-key-reused"
    assert service.rows() == (1, 1)


def test_an_id_that_postgresql_cannot_store_is_not_found(service: OrderService) -> None:
    assert service.get("/orders/ord-1%00").status_code == 404


def test_a_database_restart_loses_no_order(service: OrderService, postgres: PostgresServer) -> None:
    assert [a.status_code for a in in_threads(4, service.post)] == [202] * 4
    postgres.restart()
    assert [a.status_code for a in in_threads(4, service.post)] == [202] * 4
    assert service.rows() == (8, 8)


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": '"k"'}])
def test_an_order_committed_as_the_connection_broke_is_recognised(
    service: OrderService, headers: dict[str, str]
) -> None:
    lost: list[bool] = []

    def lose_the_connection(connection: Any, cursor: Any, *_: Any) -> None:
        """Runs after the statement has committed and before its result is known."""
        if not lost:
            lost.append(True)
            cursor.connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    event.listen(service.placing, "after_cursor_execute", lose_the_connection)
    answer = service.post(**headers)
    assert lost
    assert answer.status_code == 202
    assert service.rows() == (1, 1)
    assert service.waiting()[0].aggregateid == answer.get_json()["orderId"]


def test_no_order_is_accepted_while_the_database_is_down(
    service: OrderService, postgres: PostgresServer
) -> None:
    service.post()
    postgres.stop()
    for answer in [service.post(), service.get("/orders"), service.get("/outbox")]:
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) >= 1
    assert service.get("/health/ready").status_code == 503
    assert service.get("/metrics").status_code == 200
    postgres.start()
    assert service.rows() == (1, 1)
    eventually(lambda: service.get("/health/ready").status_code == 200)
    assert service.post().status_code == 202


def test_without_its_tables_it_is_not_ready(service: OrderService) -> None:
    with service.engine.begin() as tx:
        tx.exec_driver_sql("DROP TABLE outbox")
    answer = service.get("/health/ready")
    assert answer.status_code == 503
    assert "migrate" in answer.get_json()["reason"]
    assert (service.post().status_code, service.get("/metrics").status_code) == (503, 200)


def test_a_read_only_database_is_an_outage_and_makes_it_not_ready(
    service: OrderService, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    service.engine.dispose()
    service.placing.dispose()
    assert service.post().status_code == 503
    assert service.post(mode="sync").status_code == 503
    assert service.get("/health/ready").status_code == 503


def test_a_full_disk_makes_the_service_not_ready(
    service: OrderService,
) -> None:
    assert service.get("/health/ready").status_code == 200
    with service.engine.begin() as tx:
        tx.execute(text(_FULL_DISK))
    assert service.post().status_code == 503
    assert service.get("/health/ready").status_code == 503


#: Refuses rows of orders as PostgreSQL does when its disk is full. The readiness check writes no
#: row, so it cannot detect this by itself.
_FULL_DISK = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION no_room()"""
