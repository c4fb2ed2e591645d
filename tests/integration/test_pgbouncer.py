"""A real PgBouncer between the services and PostgreSQL, in each of its pool modes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import Engine

from services.order.relay.lock import LOCK
from services.order.relay.loop import Relay
from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.pooler_sessions import SHARED
from shared.database.schema import check_schema
from shared.errors import DatabaseUnavailable
from tests.conftest import skip_or_fail
from tests.order_service import OrderService
from tests.relay_parts import CONSUMERS, RecordingBroker, running
from tests.waiting import eventually, stays
from tools.servers import PgBouncer, PostgresServer, ServerMissing

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"

#: The error in each of the other modes; PgBouncer itself reports the second.
REFUSALS = {
    "transaction": SHARED,
    "statement": "transaction blocks not allowed in statement pooling mode",
}


@pytest.fixture
def pooled_url(postgres: PostgresServer, postgres_url: str) -> Iterator[Callable[[str], str]]:
    """A function that starts a PgBouncer in a pool mode and returns the URL through it."""
    with ExitStack() as started:

        def start(mode: str) -> str:
            try:
                pgbouncer = PgBouncer(postgres.port, mode)
            except ServerMissing as missing:
                skip_or_fail(str(missing))
            database = postgres_url.rpartition("/")[2]
            return started.enter_context(pgbouncer).url(database)

        yield start


@pytest.fixture
def open_engine() -> Iterator[Callable[[str], Engine]]:
    """A function that opens an engine for one of several processes."""
    with ExitStack() as opened:

        def make(url: str) -> Engine:
            engine = open_database(url)
            opened.callback(engine.dispose)
            return engine

        yield make


@pytest.fixture
def service(postgres_url: str) -> Iterator[OrderService]:
    """The order service, connected directly to PostgreSQL."""
    with OrderService(postgres_url) as made:
        yield made


def locks(url: str) -> int:
    with psycopg.connect(url) as operator:
        row = operator.execute(LOCKS, [LOCK]).fetchone()
    return int(row[0]) if row else 0


def test_everything_works_in_session_pooling(
    service: OrderService,
    postgres_url: str,
    pooled_url: Callable[[str], str],
    open_engine: Callable[[str], Engine],
) -> None:
    broker, url = RecordingBroker(), pooled_url("session")
    first, second = (Relay(open_engine(url), broker, CONSUMERS) for _ in range(2))
    with OrderService(url) as pooled, running(second):
        with running(first):
            assert pooled.get("/health/ready").get_json() == {"ready": True, "reason": None}
            placed = [pooled.post().get_json()["orderId"] for _ in range(20)]
            eventually(lambda: service.rows() == (20, 0))
            eventually(lambda: first.why_not_ready() is None and second.why_not_ready() is None)
            assert first.active != second.active
            assert locks(postgres_url) == 1
        eventually(lambda: second.active)
        placed.append(pooled.post().get_json()["orderId"])
        eventually(lambda: service.rows() == (21, 0))
    assert broker.keys == placed
    eventually(lambda: locks(postgres_url) == 0)


@pytest.mark.parametrize("mode", REFUSALS)
def test_a_relay_refuses_to_lock_a_session_that_it_does_not_keep(
    service: OrderService,
    postgres_url: str,
    pooled_url: Callable[[str], str],
    open_engine: Callable[[str], Engine],
    mode: str,
) -> None:
    service.post()
    broker = RecordingBroker()
    relay = Relay(open_engine(pooled_url(mode)), broker, CONSUMERS)
    with running(relay) as died:
        eventually(lambda: REFUSALS[mode] in (relay.why_not_ready() or ""))
        stays(lambda: not relay.active and locks(postgres_url) == 0, for_seconds=3)
        assert not died.is_set()
    assert (broker.keys, service.rows()) == ([], (1, 1))


def test_every_service_refuses_transaction_pooling(
    service: OrderService, pooled_url: Callable[[str], str], open_engine: Callable[[str], Engine]
) -> None:
    engine = open_engine(pooled_url("transaction"))
    with pytest.raises(DatabaseUnavailable) as refused:
        check_schema(engine, metadata)
    assert str(refused.value) == f"database is unavailable: {SHARED}"


def test_other_clients_do_not_hide_that_sessions_are_shared(
    service: OrderService, pooled_url: Callable[[str], str], open_engine: Callable[[str], Engine]
) -> None:
    """Whether two statements reach the same session depends on the other clients."""
    url = pooled_url("transaction")
    engine = open_engine(url)
    with psycopg.connect(url) as busy, psycopg.connect(url) as idle:
        idle.execute("SELECT 1")
        idle.commit()
        busy.execute("SELECT 1")
        with pytest.raises(DatabaseUnavailable, match="pool mode to `session`"):
            check_schema(engine, metadata)
