"""A relay that is frozen while it holds the lock on PostgreSQL loses the lock, and notices."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.order.relay.lock import FROZEN_SECONDS, LOCK
from services.order.relay.loop import Relay
from shared.database.engine import open_database
from shared.transport import Depth
from shared.transport.kafka import producer as kafka_producer
from shared.transport.rabbitmq import publisher as rabbitmq_publisher
from tests.order_service import OrderService
from tests.pipeline import Pipeline, lines
from tests.relay_parts import CONSUMERS, RecordingBroker, running
from tests.service_process import ServiceProcess
from tests.waiting import PATIENCE_SECONDS, eventually, stays

END_OF_THE_HOLDER = """
    SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"""


@pytest.fixture
def service(postgres_url: str) -> Iterator[OrderService]:
    with OrderService(postgres_url) as made:
        yield made


def place(service: OrderService, count: int) -> list[str]:
    return [service.post().get_json()["orderId"] for _ in range(count)]


def role(relay: ServiceProcess) -> str:
    state = relay.get("/health/ready")
    return str(state["role"]) if state["ready"] else "not ready"


def published(relay: ServiceProcess) -> int:
    return relay.log.count('"event": "event.published"')


def test_another_relay_takes_over_without_loss_or_duplicates(
    service: OrderService, postgres_url: str, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path)
    with pipeline.service("analytics") as analytics, pipeline.relay(postgres_url) as frozen:

        def applied() -> list[str]:
            return sorted(fact["orderId"] for fact in lines(analytics, "/effects"))

        eventually(lambda: role(frozen) == "active")
        with pipeline.relay(postgres_url) as other:
            eventually(lambda: role(other) == "standby")
            placed = place(service, 10)
            eventually(lambda: service.rows() == (10, 0))
            frozen.freeze()
            placed += place(service, 10)
            eventually(lambda: role(other) == "active", within=FROZEN_SECONDS + PATIENCE_SECONDS)
            eventually(lambda: service.rows() == (20, 0))
            frozen.thaw()
            eventually(lambda: role(frozen) == "standby")
            placed += place(service, 10)
            eventually(lambda: service.rows() == (30, 0))
            assert [role(relay) for relay in (frozen, other)] == ["standby", "active"]
            assert [published(relay) for relay in (frozen, other)] == [10, 20]
        eventually(lambda: applied() == sorted(placed))
    assert pipeline.depth("analytics") == Depth(ready=0, retrying=0, dead=0)


def test_a_relay_resumed_within_a_batch_publishes_only_that_batch_again(
    service: OrderService, postgres_url: str
) -> None:
    """It is frozen after reading the rows. Consumers recognise the duplicates by their ids."""
    begun, woken = threading.Event(), threading.Event()
    late, other = RecordingBroker(), RecordingBroker()

    def freeze(_: object) -> None:
        begun.set()
        woken.wait(PATIENCE_SECONDS)

    late.fault = freeze
    engines = [open_database(postgres_url) for _ in range(2)]
    placed = place(service, 10)
    with running(Relay(engines[0], late, CONSUMERS)) as died:
        assert begun.wait(PATIENCE_SECONDS)
        with running(second := Relay(engines[1], other, CONSUMERS)):
            with psycopg.connect(postgres_url) as postgresql:
                postgresql.execute(END_OF_THE_HOLDER, [LOCK])
            eventually(lambda: second.active)
            placed += place(service, 10)
            eventually(lambda: other.keys == placed)
            woken.set()
            eventually(lambda: late.keys == placed[:10])
            placed += place(service, 10)
            eventually(lambda: service.rows() == (30, 0))
            stays(lambda: (late.keys, other.keys) == (placed[:10], placed), for_seconds=1)
        assert not died.is_set()
    for engine in engines:
        engine.dispose()


def test_a_relay_waiting_for_its_broker_keeps_the_lock() -> None:
    longest = max(kafka_producer.CONFIRM_TIMEOUT, rabbitmq_publisher.CONFIRM_TIMEOUT)
    assert longest < FROZEN_SECONDS
