"""The embedded broker deletes old events that are in no queue."""

from pathlib import Path

import pytest

from shared.database.engine import open_database
from shared.transport.embedded.broker import EmbeddedBroker
from tests.builders import a_message
from tests.conformance.steps import bury, drain, publish


class _Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def _stored(path: Path) -> int:
    with open_database(f"sqlite:///{path}").connect() as file:
        return int(file.exec_driver_sql("SELECT count(*) FROM messages").scalar_one())


@pytest.mark.parametrize(("age", "stay"), [(7 * 86400.0, 4), (7 * 86400.0 + 1, 2)])
def test_old_events_in_no_queue_are_deleted(tmp_path: Path, age: float, stay: int) -> None:
    path, clock = tmp_path / "broker.db", _Clock()
    broker = EmbeddedBroker(f"sqlite:///{path}", clock=clock)
    broker.declare(["email"])
    publish(broker, a_message(), a_message())
    drain(broker, "email", 2)
    bury(broker, "email", a_message())
    clock.now += age
    publish(broker, a_message())
    assert _stored(path) == stay
    assert len(broker.dead_letters("email").browse(10)) == 1
