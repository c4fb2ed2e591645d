"""Clients that send or read slowly, or not at all, do not block other clients."""

import json
import re
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from services.analytics.schema import facts
from services.analytics.schema import metadata as analytics_tables
from services.order.schema import metadata as order_tables
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.serving.worker import LINGER_SECONDS, READ_SECONDS
from tests.order_service import AN_ORDER
from tests.raw_client import HALF_A_BODY, HALF_A_HEAD, connect, held, is_open, read_to_end
from tests.service_process import TOKEN, ServiceProcess
from tests.waiting import eventually

BODY = json.dumps(AN_ORDER).encode()
ORDER = (
    b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n" % len(BODY)
)
CHUNKED = ORDER.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX")
ASSET = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
EFFECTS = (
    b"GET /effects HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n\r\n" % TOKEN.encode()
)


@pytest.fixture
def server(sqlite_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    engine = open_database(sqlite_url)
    create_schema(engine, order_tables)
    engine.dispose()
    with ServiceProcess("services.order", tmp_path, DATABASE_URL=sqlite_url, WORKERS="1") as made:
        yield made


def a_fact(number: int) -> dict[str, Any]:
    ids = {"event_id": f"event-{number}", "order_id": f"order-{number}"}
    return {**ids, "total_amount": Decimal(1), "minute": 1, "at": datetime.now(UTC)}


@pytest.fixture
def analytics(sqlite_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    """The analytics service, with more facts than the buffers between it and a client hold."""
    engine = open_database(sqlite_url)
    create_schema(engine, analytics_tables)
    with engine.begin() as tx:
        tx.execute(insert(facts), [a_fact(number) for number in range(100_000)])
    engine.dispose()
    broker = f"sqlite:///{tmp_path}/broker.db"
    with ServiceProcess(
        "services.analytics", tmp_path, DATABASE_URL=sqlite_url, BROKER_URL=broker
    ) as made:
        yield made


def placed(server: ServiceProcess, count: int) -> list[int]:
    """Place `count` orders, each on its own connection; returns the responses."""
    headers = {"content-type": "application/json"}
    return [
        httpx.post(server.url + "/orders", content=BODY, headers=headers, timeout=5).status_code
        for _ in range(count)
    ]


def test_clients_that_never_finish_their_requests_block_no_orders(
    server: ServiceProcess,
) -> None:
    with held(server.url, HALF_A_HEAD, 64), held(server.url, HALF_A_BODY, 200):
        assert placed(server, 10) == [202] * 10
    assert len(server.get("/orders")["orders"]) == 10


def test_clients_that_send_byte_by_byte_block_no_orders(server: ServiceProcess) -> None:
    with held(server.url, HALF_A_HEAD, 40) as dripping:
        for _ in range(5):
            for client in dripping:
                client.sendall(b"x")
            assert placed(server, 1) == [202]


@pytest.mark.parametrize("begun", [b"", HALF_A_HEAD, HALF_A_BODY])
def test_a_client_that_sends_byte_by_byte_is_disconnected_in_time(
    server: ServiceProcess, begun: bytes
) -> None:
    began = time.monotonic()
    with connect(server.url, begun) as client:
        while is_open(client):
            assert time.monotonic() - began < READ_SECONDS + LINGER_SECONDS + 5
            time.sleep(0.5)
            with suppress(OSError):
                client.sendall(b"x")
    assert time.monotonic() - began > READ_SECONDS - 1


def test_a_client_that_is_too_slow_gets_408(server: ServiceProcess) -> None:
    with connect(server.url, HALF_A_BODY) as client:
        assert read_to_end(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_more_open_connections_than_a_worker_takes_block_no_orders(
    server: ServiceProcess,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with held(server.url, HALF_A_HEAD, 700):
            assert placed(server, 3) == [202] * 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_clients_that_stay_connected_after_the_last_response_block_no_orders(
    server: ServiceProcess,
) -> None:
    last = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with held(server.url, last, 64):
        began = time.monotonic()
        assert placed(server, 3) == [202] * 3
        assert time.monotonic() - began < 10


def test_clients_that_never_send_the_announced_body_block_no_orders(
    server: ServiceProcess,
) -> None:
    announced = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n"
    with held(server.url, announced, 64):
        began = time.monotonic()
        assert placed(server, 3) == [202] * 3
        assert time.monotonic() - began < 10


def test_clients_that_do_not_read_their_responses_block_no_orders(
    server: ServiceProcess,
) -> None:
    # Several responses, since the kernel's buffers alone hold one.
    with held(server.url, ASSET * 5, 80, small_window=True):
        assert placed(server, 10) == [202] * 10


def test_slow_stream_readers_use_up_neither_threads_nor_database_connections(
    analytics: ServiceProcess,
) -> None:
    with held(analytics.url, EFFECTS, 16, small_window=True):
        eventually(lambda: "slow_reader_cut" in analytics.log)
        for _ in range(3):
            began = time.monotonic()
            analytics.get("/totals")
            analytics.get("/health/ready")
            assert time.monotonic() - began < 8


def test_a_stream_reader_that_pauses_gets_everything(
    analytics: ServiceProcess,
) -> None:
    received = b""
    with connect(analytics.url, EFFECTS, small_window=True) as client:
        while not received.endswith(b"0\r\n\r\n"):
            if len(received) < 3000:
                time.sleep(2)
            piece = client.recv(1_000_000)
            assert piece
            received += piece
    assert received.count(b'"eventId"') == 100_000


def test_expect_100_continue_is_answered(server: ServiceProcess) -> None:
    with connect(
        server.url, ORDER + b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
    ) as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert read_to_end(client).startswith(b"HTTP/1.1 202 ")


def test_pipelined_requests_are_answered_in_order(server: ServiceProcess) -> None:
    two = (ORDER + b"\r\n" + BODY) * 2
    last = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with connect(server.url, two + last) as client:
        answers = read_to_end(client)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"202", b"202", b"404"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: " + b"x" * 40_000, b"431"),
        (CHUNKED + b"\r\nnot a size\r\n", b"400"),
        (CHUNKED + b"\r\n2\r\n{}no end of the chunk\r\n0\r\n\r\n", b"400"),
        (CHUNKED + b"\r\n0\r\nnot a trailer\r\n\r\n", b"400"),
        (ORDER + b"Content-Length: 1\r\n\r\n", b"400"),
        (ORDER + b"Transfer-Encoding: chunked\r\n\r\n", b"400"),
    ],
)
def test_an_ambiguous_length_is_refused_and_the_connection_closed(
    server: ServiceProcess, sent: bytes, status: bytes
) -> None:
    with connect(server.url, sent) as client:
        assert read_to_end(client).split()[1] == status
