"""Pruning keeps records of events that may be redelivered, so that nothing is applied twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.email.schema import tables
from shared.consuming.crash_suspects import StartLog
from shared.consuming.history import Step
from shared.consuming.lease import LeasedEffect
from shared.consuming.prune import read_dead_letters, run_prune
from shared.errors import BrokerUnavailable, PruneRefused
from shared.events import Event
from shared.settings import PruneConsumerSettings
from shared.transport import DeadLetter
from shared.transport.embedded.broker import EmbeddedBroker
from tests.builders import a_message, an_event
from tests.conformance.steps import bury, drain
from tests.pruning import KEEP, NOW, TICK, Records, records_in

inbox, starts = tables.inbox, tables.starts


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    with records_in(database_url) as records:
        yield records


@pytest.fixture
def broker(tmp_path: Path) -> EmbeddedBroker:
    broker = EmbeddedBroker(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.declare(["email"])
    return broker


def dead_letter(event: Event) -> DeadLetter:
    return DeadLetter(a_message(event), "broken", NOW.isoformat())


def test_nothing_as_young_as_the_oldest_dead_letter_is_pruned(records: Records) -> None:
    oldest = NOW - timedelta(days=90)
    records.applied(oldest - TICK, at=oldest - TICK)
    kept = [records.applied(oldest, at=oldest), records.applied(NOW, at=NOW)]
    dead = [dead_letter(an_event(time=NOW)), dead_letter(kept[0])]
    assert records.prune(*dead)["inbox"] == 1
    assert records.left() == {event.id for event in kept}


@pytest.mark.parametrize("time", ["", "yesterday"])
def test_a_dead_letter_of_unknown_age_prevents_pruning(records: Records, time: str) -> None:
    records.applied(NOW - 2 * KEEP, at=NOW - KEEP)
    message = replace(a_message(), time=time)
    with pytest.raises(PruneRefused, match=message.id):
        records.prune(DeadLetter(message, "broken", NOW.isoformat()))
    assert records.count(inbox) == 1


def test_a_redrive_of_the_oldest_dead_letter_has_no_second_effect(
    records: Records, broker: EmbeddedBroker
) -> None:
    sent: list[str] = []
    event = records.applied(NOW - timedelta(days=90), at=NOW - timedelta(days=90))
    records.applied(NOW, at=NOW)
    bury(broker, "email", a_message(event))
    records.prune(*read_dead_letters(broker, "email"))
    broker.dead_letters("email").redrive()
    [again] = drain(broker, "email", 1)
    assert again.id == event.id
    effect = LeasedEffect(
        records.engine, inbox, StartLog(starts), lambda event: sent.append(event.id), lease=30
    )
    assert effect.apply([event]).before == {event.id}
    assert sent == []


def test_recently_redriven_events_are_kept_while_in_flight(records: Records) -> None:
    event = records.applied(NOW - timedelta(days=90), at=NOW - timedelta(days=90))
    records.applied(NOW, at=NOW)
    records.noted(event, Step.REDRIVEN, NOW)
    assert records.prune()["inbox"] == 0
    assert event.id in records.left()


def test_without_the_broker_nothing_is_pruned_and_an_error_is_raised(
    records: Records, database_url: str, tmp_path: Path
) -> None:
    records.applied(NOW - 40 * KEEP, at=NOW - 2 * KEEP)
    records.applied(NOW, at=NOW)
    absent = PruneConsumerSettings(
        database_url=database_url, broker_url=f"sqlite:///{tmp_path / 'absent.db'}"
    )
    with pytest.raises(SystemExit, match=r"email: the prune did not finish.*absent\.db"):
        run_prune("email", absent, tables, starts)
    assert records.count(inbox) == 2


def test_an_undeclared_queue_is_not_taken_for_an_empty_one(
    broker: EmbeddedBroker,
) -> None:
    with pytest.raises(BrokerUnavailable, match="sms_service_queue"):
        read_dead_letters(broker, "sms")
