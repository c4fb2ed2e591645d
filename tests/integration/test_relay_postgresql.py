"""The relay on PostgreSQL: one at a time, in order, through restarts."""

import itertools
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, update

from services.order.relay.lock import LOCK
from services.order.relay.loop import Relay
from services.order.schema import outbox
from shared.database.engine import open_database
from tests.fakes import in_threads
from tests.order_service import OrderService
from tests.relay_parts import CONSUMERS, RecordingBroker, running
from tests.waiting import eventually, stays
from tools.servers import PostgresServer

INSERT_LATE = """
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at)
    VALUES ('late', 'order', 'ord-late', 'order.placed', '{}', '{}', now())"""

#: The holder of the relay's lock. PostgreSQL shows the 64-bit key of an advisory lock in two
#: halves.
LOCK_HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted"


@pytest.fixture
def service(postgres_url: str) -> Iterator[OrderService]:
    with OrderService(postgres_url, outbox_limit=10_000) as made:
        yield made


@pytest.fixture
def engines(postgres_url: str) -> Iterator[Iterator[Engine]]:
    """An engine for each relay, as if each were a process of its own."""
    made: list[Engine] = []

    def make() -> Iterator[Engine]:
        while True:
            made.append(open_database(postgres_url))
            yield made[-1]

    yield make()
    for engine in made:
        engine.dispose()


@pytest.fixture
def broker() -> RecordingBroker:
    return RecordingBroker()


def place(service: OrderService, count: int) -> list[str]:
    return [service.post().get_json()["orderId"] for _ in range(count)]


def is_empty(service: OrderService) -> bool:
    return service.rows()[1] == 0


def test_events_are_published_once_and_in_order(
    service: OrderService, engines: Iterator[Engine], broker: RecordingBroker
) -> None:
    with running(Relay(next(engines), broker, CONSUMERS)) as died:
        placed = place(service, 50)
        eventually(lambda: is_empty(service))
        stays(lambda: broker.keys == placed)
        assert not died.is_set()


def test_two_relays_and_many_writers_publish_each_event_once(
    service: OrderService, engines: Iterator[Engine], broker: RecordingBroker
) -> None:
    first, second = (Relay(next(engines), broker, CONSUMERS) for _ in range(2))
    with running(first), running(second):
        placed = itertools.chain(*in_threads(8, lambda: place(service, 25)))
        eventually(lambda: is_empty(service))
        assert first.active != second.active
        assert (first.why_not_ready(), second.why_not_ready()) == (None, None)
        expected = sorted(placed)
        stays(lambda: sorted(broker.keys) == expected)


def test_a_row_that_is_committed_late_is_not_lost(
    service: OrderService,
    postgres_url: str,
    engines: Iterator[Engine],
    broker: RecordingBroker,
) -> None:
    """Its number is lower than those of rows that have already been published and deleted."""
    with psycopg.connect(postgres_url) as late, running(Relay(next(engines), broker, CONSUMERS)):
        late.execute(INSERT_LATE)
        placed = place(service, 3)
        eventually(lambda: broker.keys == placed)
        late.commit()
        eventually(lambda: broker.keys == [*placed, "ord-late"])
        eventually(lambda: is_empty(service))


def test_when_the_active_session_dies_one_of_two_relays_continues(
    service: OrderService,
    postgres_url: str,
    engines: Iterator[Engine],
    broker: RecordingBroker,
) -> None:
    first, second = (Relay(next(engines), broker, CONSUMERS) for _ in range(2))
    with running(first) as first_died, psycopg.connect(postgres_url, autocommit=True) as operator:
        eventually(lambda: first.active)
        with running(second):
            eventually(lambda: second.why_not_ready() is None)
            [(session,)] = operator.execute(LOCK_HOLDER, [LOCK]).fetchall()
            operator.execute("SELECT pg_terminate_backend(%s)", [session])
            # Either may win: the standby tries every half second, and this relay pauses before it
            # reconnects.
            eventually(lambda: operator.execute(LOCK_HOLDER, [LOCK]).fetchall() != [(session,)])
            eventually(lambda: first.active or second.active, within=3)
            placed = place(service, 5)
            eventually(lambda: is_empty(service))
            assert broker.keys == placed
            assert first.active != second.active
        assert not first_died.is_set()


def test_the_lock_is_held_by_the_session_that_reads(
    service: OrderService,
    postgres_url: str,
    engines: Iterator[Engine],
    broker: RecordingBroker,
) -> None:
    relay = Relay(next(engines), broker, CONSUMERS)
    with running(relay), psycopg.connect(postgres_url, autocommit=True) as operator:
        eventually(lambda: relay.active)
        [(holder,)] = operator.execute(LOCK_HOLDER, [LOCK]).fetchall()
        activity = "SELECT query FROM pg_stat_activity WHERE pid = %s"

        def last_query() -> str:
            row = operator.execute(activity, [holder]).fetchone()
            return str(row[0]) if row else ""

        eventually(lambda: "FROM outbox" in last_query())
    with psycopg.connect(postgres_url, autocommit=True) as operator:
        eventually(lambda: operator.execute(LOCK_HOLDER, [LOCK]).fetchall() == [])


def test_a_database_restart_loses_nothing(
    service: OrderService,
    postgres: PostgresServer,
    engines: Iterator[Engine],
    broker: RecordingBroker,
) -> None:
    relay = Relay(next(engines), broker, CONSUMERS)
    with running(relay) as died:
        placed = place(service, 5)
        eventually(lambda: is_empty(service))
        postgres.stop()
        eventually(lambda: "database" in (relay.why_not_ready() or ""))
        postgres.start()
        placed += place(service, 5)
        eventually(lambda: is_empty(service))
        assert broker.keys == placed
        eventually(lambda: relay.why_not_ready() is None)
        assert not died.is_set()


def test_orders_are_accepted_while_a_batch_is_being_published(
    service: OrderService, engines: Iterator[Engine], broker: RecordingBroker
) -> None:
    """The relay holds no transaction and no row lock while it waits for the broker."""
    waiting, go_on = threading.Event(), threading.Event()

    def be_slow(_: object) -> None:
        waiting.set()
        go_on.wait(20)

    place(service, 1)
    broker.fault = be_slow
    with running(Relay(next(engines), broker, CONSUMERS)):
        assert waiting.wait(20)
        with service.engine.begin() as tx:
            tx.exec_driver_sql("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE NOWAIT")
        place(service, 1)
        go_on.set()
        eventually(lambda: is_empty(service))


def test_a_row_that_is_not_a_message_is_set_aside_and_others_are_published(
    service: OrderService, broker: RecordingBroker
) -> None:
    placed = [service.post().get_json()["orderId"] for _ in range(3)]
    with service.engine.begin() as tx:
        odd = outbox.c.aggregateid == placed[1]
        tx.execute(update(outbox).where(odd).values(headers="null"))
    with running(Relay(service.engine, broker, CONSUMERS)):
        eventually(lambda: broker.keys == [placed[0], placed[2]])
        eventually(lambda: service.rows() == (3, 1))
    state = service.get("/outbox").get_json()
    assert (state["pending"], state["setAside"], state["oldestAgeSeconds"]) == (0, 1, None)
