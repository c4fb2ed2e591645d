"""What is pruned, what stays because it may come again, and that nothing is done twice after it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, Table, func, select, update

from services.email.schema import history, inbox, metadata, starts, tables
from services.order.prune import forget_keys
from services.order.schema import orders
from shared.database import create_schema, open_database, reading, writing
from shared.errors import BrokerUnavailable, PruneRefused
from shared.events import Event
from shared.history import History, Note, Step
from shared.inbox import DONE, SENDING, LeasedEffect
from shared.prune import delete_in_batches, prune_consumer, read_dead_letters, run_prune
from shared.settings import PruneConsumerSettings, PruneSettings
from shared.starts import Starts
from shared.transport import DeadLetter
from shared.transport.embedded import EmbeddedBroker
from tests.builders import a_message, an_event
from tests.conformance.steps import bury, drain, publish
from tests.order_service import AN_ORDER, OrderService

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEEP = timedelta(days=30)
TICK = timedelta(microseconds=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def broker(tmp_path: Path) -> EmbeddedBroker:
    broker = EmbeddedBroker(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.declare(["email"])
    return broker


def applied(
    engine: Engine, time: datetime, *, at: datetime, state: str = DONE, lease_until: float = 0.0
) -> Event:
    event = an_event(time=time)
    row = {"event_id": event.id, "order_id": event.order.order_id, "attempt": 1}
    row |= {"state": state, "lease_until": lease_until, "event_time": time, "at": at}
    with writing(engine) as tx:
        tx.execute(inbox.insert(), row)
    return event


def prune(engine: Engine, *dead: DeadLetter) -> dict[str, int]:
    return prune_consumer(engine, tables, starts, dead, keep=KEEP, clock=lambda: NOW)


def left(engine: Engine) -> set[str]:
    with reading(engine) as tx:
        return set(tx.scalars(select(inbox.c.event_id)))


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def dead_letter(event: Event) -> DeadLetter:
    return DeadLetter(a_message(event), "broken", NOW.isoformat())


def test_an_event_as_old_as_the_limit_stays_and_an_older_one_goes(engine: Engine) -> None:
    applied(engine, NOW - KEEP - TICK, at=NOW - KEEP)
    kept = [applied(engine, NOW - KEEP, at=NOW - KEEP), applied(engine, NOW, at=NOW)]
    assert prune(engine)["inbox"] == 1
    assert left(engine) == {event.id for event in kept}


def test_after_an_outage_it_counts_from_what_was_applied_last(engine: Engine) -> None:
    progress = NOW - timedelta(days=25)
    applied(engine, progress - KEEP - TICK, at=NOW - TICK)
    kept = [applied(engine, progress - KEEP, at=NOW - TICK), applied(engine, progress, at=NOW)]
    assert prune(engine)["inbox"] == 1
    assert left(engine) == {event.id for event in kept}


def test_an_event_from_the_future_moves_no_limit(engine: Engine) -> None:
    kept = [
        applied(engine, NOW - KEEP, at=NOW - TICK),
        applied(engine, NOW + timedelta(days=400), at=NOW),
    ]
    assert prune(engine)["inbox"] == 0
    assert left(engine) == {event.id for event in kept}


def test_nothing_as_young_as_the_oldest_dead_letter_goes(engine: Engine) -> None:
    oldest = NOW - timedelta(days=90)
    applied(engine, oldest - TICK, at=oldest)
    kept = [applied(engine, oldest, at=oldest), applied(engine, NOW, at=NOW)]
    dead = [dead_letter(an_event(time=NOW)), dead_letter(kept[0])]
    assert prune(engine, *dead)["inbox"] == 1
    assert left(engine) == {event.id for event in kept}


@pytest.mark.parametrize("time", ["", "yesterday"])
def test_a_dead_letter_of_unknown_age_stops_all_of_it(engine: Engine, time: str) -> None:
    applied(engine, NOW - 2 * KEEP, at=NOW - KEEP)
    message = replace(a_message(), time=time)
    with pytest.raises(PruneRefused, match=message.id):
        prune(engine, DeadLetter(message, "broken", NOW.isoformat()))
    assert count(engine, inbox) == 1


def test_a_redrive_of_the_oldest_dead_letter_has_no_second_effect(
    engine: Engine, broker: EmbeddedBroker
) -> None:
    sent: list[str] = []
    event = applied(engine, NOW - timedelta(days=90), at=NOW - timedelta(days=90))
    applied(engine, NOW, at=NOW)
    bury(broker, "email", a_message(event))
    prune(engine, *read_dead_letters(broker, "email"))
    broker.dead_letters("email").redrive()
    [again] = drain(broker, "email", 1)
    assert again.id == event.id
    effect = LeasedEffect(
        engine, inbox, Starts(starts), lambda event: sent.append(event.id), lease=30
    )
    assert effect.apply([event]).before == {event.id}
    assert sent == []


def test_what_was_redriven_lately_stays_while_it_is_on_its_way(engine: Engine) -> None:
    event = applied(engine, NOW - timedelta(days=90), at=NOW - timedelta(days=90))
    applied(engine, NOW, at=NOW)
    History(engine, history).record_all([a_message(event)], Note(step=Step.REDRIVEN), NOW)
    assert prune(engine)["inbox"] == 0
    assert event.id in left(engine)


def test_a_lease_stays_until_it_has_ended(engine: Engine) -> None:
    old, ends = NOW - 2 * KEEP, NOW.timestamp()
    held = applied(engine, old, at=old, state=SENDING, lease_until=ends + 1)
    applied(engine, old, at=old, state=SENDING, lease_until=ends)
    young = applied(engine, NOW, at=NOW, state=SENDING, lease_until=0.0)
    assert prune(engine)["inbox"] == 1
    assert left(engine) == {held.id, young.id}


def test_old_history_and_old_starts_go_and_young_ones_stay(engine: Engine) -> None:
    for at in (NOW - KEEP - TICK, NOW - KEEP):
        History(engine, history).record_all([a_message()], Note(step=Step.RETRIED), at)
        row = {"run": "1", "event_ids": ["e"], "started_at": at}
        with writing(engine) as tx:
            tx.execute(starts.insert(), row | {"batch_id": f"{at.timestamp()}"})
    assert prune(engine) == {"history": 1, "inbox": 0, "starts": 1}
    assert (count(engine, history), count(engine, starts)) == (1, 1)


def test_a_second_run_changes_nothing(engine: Engine) -> None:
    for day in range(60):
        applied(engine, NOW - timedelta(days=day), at=NOW - timedelta(days=day))
    assert prune(engine)["inbox"] == 29
    kept = left(engine)
    assert prune(engine) == {"history": 0, "inbox": 0, "starts": 0}
    assert left(engine) == kept


def test_more_rows_than_a_batch_all_go(engine: Engine) -> None:
    for _ in range(7):
        applied(engine, NOW, at=NOW)
    assert delete_in_batches(engine, inbox, inbox.c.event_time == NOW, batch=3) == 7
    assert left(engine) == set()


def test_without_the_broker_it_prunes_nothing_and_says_so(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    applied(engine, NOW - 40 * KEEP, at=NOW - 2 * KEEP)
    applied(engine, NOW, at=NOW)
    absent = PruneConsumerSettings(
        database_url=database_url, broker_url=f"sqlite:///{tmp_path / 'absent.db'}"
    )
    with pytest.raises(SystemExit, match=r"email: the prune did not end.*absent\.db"):
        run_prune("email", absent, tables, starts)
    assert count(engine, inbox) == 2


def test_a_queue_that_is_not_declared_is_no_queue_without_dead_letters(
    broker: EmbeddedBroker,
) -> None:
    with pytest.raises(BrokerUnavailable, match="sms_service_queue"):
        read_dead_letters(broker, "sms")


def test_it_keeps_a_day_more_than_the_broker_at_least(database_url: str) -> None:
    assert PruneSettings(database_url=database_url, keep_days=8).keep_days == 8
    with pytest.raises(ValidationError, match="keep_days"):
        PruneSettings(database_url=database_url, keep_days=7)


def test_a_young_idempotency_key_works_and_an_old_one_may_be_used_anew(database_url: str) -> None:
    with OrderService(database_url) as service:
        old, young = (_order(service, key) for key in ("old", "young"))
        _place_at(service, old, NOW - KEEP - TICK)
        _place_at(service, young, NOW - KEEP)
        rows = service.rows()
        assert forget_keys(service.engine, NOW - KEEP, batch=1) == 1
        assert forget_keys(service.engine, NOW - KEEP) == 0
        assert service.rows() == rows
        assert _order(service, "young") == young
        assert _order(service, "old") != old
        assert service.rows() == (3, 3)


def _order(service: OrderService, key: str) -> str:
    answer = service.post(AN_ORDER, idempotency_key=f'"{key}"')
    assert answer.json is not None
    return str(answer.json["orderId"])


def _place_at(service: OrderService, order_id: str, at: datetime) -> None:
    with writing(service.engine) as tx:
        tx.execute(update(orders).where(orders.c.order_id == order_id).values(placed_at=at))


class _Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def _stored(path: Path) -> int:
    with open_database(f"sqlite:///{path}").connect() as file:
        return int(file.exec_driver_sql("SELECT count(*) FROM messages").scalar_one())


@pytest.mark.parametrize(("age", "stay"), [(7 * 86400.0, 4), (7 * 86400.0 + 1, 2)])
def test_the_embedded_broker_drops_what_is_old_and_in_no_queue(
    tmp_path: Path, age: float, stay: int
) -> None:
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
