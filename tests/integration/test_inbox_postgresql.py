"""The tests of tests/unit/shared/consuming/test_inbox.py on PostgreSQL instead of SQLite.

Also with a server that stops.
"""

import threading

import pytest
from sqlalchemy import Connection, Engine

from shared.errors import DatabaseUnavailable, LeaseHeld
from tests.builders import an_event
from tests.unit.shared.consuming import test_inbox
from tests.unit.shared.consuming.test_inbox import *  # noqa: F403 (its tests are run again here)
from tools.servers import PostgresServer


def test_when_the_server_stops_after_the_call_the_effect_happens_once(
    engine: Engine, postgres: PostgresServer
) -> None:
    send, event = test_inbox.Sender(), an_event()
    effect = test_inbox.outside(engine, send)
    send.before = postgres.stop
    with pytest.raises(DatabaseUnavailable):
        effect.apply([event])
    postgres.start()
    assert effect.apply([event]).now == {event.id}
    assert send.sent == [event.id]


def test_an_event_finished_by_a_replica_during_a_claim_is_sent_once(engine: Engine) -> None:
    def finish_meanwhile(_tx: Connection) -> float:
        """Runs between the lookup, which has found no row, and the claim."""
        first = threading.Thread(target=test_inbox.outside(engine, send).apply, args=([event],))
        first.start()
        first.join()
        return 1_000_000.0

    send, event = test_inbox.Sender(), an_event()
    with pytest.raises(LeaseHeld):
        test_inbox.outside(engine, send, finish_meanwhile).apply([event])
    # Afterwards the record of the other replica is visible.
    assert test_inbox.outside(engine, send).apply([event]).before == {event.id}
    assert send.sent == [event.id]


def test_when_the_server_stops_within_a_batch_it_is_applied_once_later(
    engine: Engine, postgres: PostgresServer
) -> None:
    def work() -> None:
        if interruptions:
            interruptions.pop()()

    batch, interruptions = [an_event() for _ in range(10)], [postgres.kill]
    effect = test_inbox.in_database(engine, work=work)
    with pytest.raises(DatabaseUnavailable):
        effect.apply(batch)
    postgres.start()
    assert effect.apply(batch).now == {event.id for event in batch}
    assert test_inbox.written(engine) == sorted(event.id for event in batch)
