"""Pruning on RabbitMQ keeps the records of events that dead letters can bring back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.email.schema import tables
from shared.consuming.prune import run_prune
from shared.settings import PruneConsumerSettings
from shared.transport import connect
from tests.builders import a_message
from tests.conformance.steps import bury, drain
from tests.pruning import Records, records_in
from tests.waiting import eventually

starts = tables.starts

A_DAY = timedelta(days=1)


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    with records_in(database_url) as records:
        yield records


def test_records_as_young_as_the_oldest_dead_letter_are_kept(
    records: Records, database_url: str, amqp_url: str
) -> None:
    broker = connect(amqp_url)
    broker.declare(["email"])
    settings = PruneConsumerSettings(database_url=database_url, broker_url=amqp_url)
    now = datetime.now(UTC)
    past = {age: now - age * A_DAY for age in (91, 90, 60, 0)}
    days = {age: records.applied(time, at=time) for age, time in past.items()}

    bury(broker, "email", a_message(days[60]), a_message(days[90]))
    eventually(lambda: broker.depth("email").dead == 2)
    run_prune("email", settings, tables, starts)
    assert records.left() == {days[age].id for age in (90, 60, 0)}
    # Browsing has removed none of them.
    assert len(broker.dead_letters("email").browse(10)) == 2

    broker.dead_letters("email").redrive({days[90].id})
    assert [message.id for message in drain(broker, "email", 1)] == [days[90].id]
    run_prune("email", settings, tables, starts)
    assert records.left() == {days[age].id for age in (60, 0)}


def test_nothing_is_pruned_without_the_dead_letter_queue(
    records: Records, database_url: str, amqp_url: str
) -> None:
    settings = PruneConsumerSettings(database_url=database_url, broker_url=amqp_url)
    now = datetime.now(UTC)
    kept = {records.applied(now - age * A_DAY, at=now).id for age in (90, 0)}
    with pytest.raises(SystemExit, match=r"did not finish.*email_service_queue\.dlq"):
        run_prune("email", settings, tables, starts)
    assert records.left() == kept
