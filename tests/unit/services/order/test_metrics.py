"""/metrics of the order service and its relay while the database does not respond."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from services.order.app import compose as compose_order
from services.order.backlog_watch import PATIENCE
from services.order.relay.__main__ import compose as compose_relay
from services.order.relay.settings import RelaySettings
from services.order.schema import metadata
from services.order.settings import OrderSettings
from shared.database.engine import open_database
from shared.database.schema import create_schema
from tests.relay_parts import RecordingBroker
from tests.waiting import eventually


@pytest.fixture
def locked(sqlite_url: str, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that locks the database, also for readers, until it is closed."""
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    engine.dispose()
    connection = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    yield connection
    connection.close()


def order_app(url: str) -> Flask:
    return compose_order(OrderSettings(database_url=url)).app


def relay_app(url: str) -> Flask:
    settings = RelaySettings(database_url=url, broker_url="amqp://nobody")
    return compose_relay(settings, broker=RecordingBroker()).app


@pytest.mark.parametrize("make", [order_app, relay_app])
def test_metrics_respond_in_time_and_include_the_outbox_when_readable(
    sqlite_url: str, locked: sqlite3.Connection, make: Callable[[str], Flask]
) -> None:
    client = make(sqlite_url).test_client()
    began = time.monotonic()
    answer = client.get("/metrics")
    assert time.monotonic() - began < PATIENCE + 2
    assert (answer.status_code, "outbox_pending" in answer.text) == (200, False)
    assert "process_cpu_seconds_total" in answer.text
    locked.close()
    eventually(lambda: "outbox_pending 0.0" in client.get("/metrics").text)
