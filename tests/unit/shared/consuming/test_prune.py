"""Pruning deletes old records and keeps recent ones, in batches that can be interrupted."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from services.email.schema import tables
from shared.consuming.history import Step
from shared.consuming.lease_rows import SENDING
from shared.consuming.prune import delete_in_batches
from shared.database.engine import writing
from shared.errors import DatabaseUnavailable
from shared.shifted_times import EARLIEST
from tests.builders import an_event
from tests.fakes import Outage
from tests.pruning import KEEP, NOW, TICK, Records, records_in

history, inbox, starts = tables.history, tables.inbox, tables.starts


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    with records_in(database_url) as records:
        yield records


def test_events_as_old_as_the_limit_are_kept_and_older_ones_deleted(records: Records) -> None:
    records.applied(NOW - KEEP - TICK, at=NOW - KEEP - TICK)
    kept = [records.applied(NOW - KEEP, at=NOW - KEEP), records.applied(NOW, at=NOW)]
    assert records.prune()["inbox"] == 1
    assert records.left() == {event.id for event in kept}


def test_after_an_outage_age_counts_from_the_last_applied_event(records: Records) -> None:
    progress = NOW - timedelta(days=25)
    records.applied(progress - KEEP - TICK, at=progress - KEEP - TICK)
    kept = [records.applied(progress - KEEP, at=NOW - TICK), records.applied(progress, at=NOW)]
    assert records.prune()["inbox"] == 1
    assert records.left() == {event.id for event in kept}


def test_recently_applied_records_are_kept_whatever_their_events_age(records: Records) -> None:
    kept = [
        records.applied(NOW, at=NOW),
        records.applied(NOW - 9 * KEEP, at=NOW - KEEP),
        records.applied(NOW - 9 * KEEP, at=NOW, state=SENDING),
    ]
    assert records.prune()["inbox"] == 0
    assert records.left() == {event.id for event in kept}


def test_an_event_from_the_future_does_not_move_the_limit(records: Records) -> None:
    kept = [
        records.applied(NOW - KEEP, at=NOW - TICK),
        records.applied(NOW + timedelta(days=400), at=NOW),
    ]
    assert records.prune()["inbox"] == 0
    assert records.left() == {event.id for event in kept}


def test_a_last_event_from_the_year_1_keeps_everything(records: Records) -> None:
    kept = [
        records.applied(NOW - 9 * KEEP, at=NOW - 9 * KEEP),
        records.applied(EARLIEST, at=NOW),
    ]
    assert records.prune()["inbox"] == 0
    assert records.left() == {event.id for event in kept}


def test_a_lease_is_kept_until_it_has_expired(records: Records) -> None:
    old, ends = NOW - 2 * KEEP, NOW.timestamp()
    held = records.applied(old, at=old, state=SENDING, lease_until=ends + 1)
    records.applied(old, at=old, state=SENDING, lease_until=ends)
    young = records.applied(NOW, at=NOW, state=SENDING, lease_until=0.0)
    assert records.prune()["inbox"] == 1
    assert records.left() == {held.id, young.id}


def test_old_history_and_starts_are_deleted_and_recent_ones_kept(records: Records) -> None:
    for at in (NOW - KEEP - TICK, NOW - KEEP):
        records.noted(an_event(), Step.RETRIED, at)
        row = {"run": "1", "event_ids": ["e"], "started_at": at}
        with writing(records.engine) as tx:
            tx.execute(starts.insert(), row | {"batch_id": f"{at.timestamp()}"})
    assert records.prune() == {"history": 1, "inbox": 0, "starts": 1}
    assert (records.count(history), records.count(starts)) == (1, 1)


def test_a_second_run_changes_nothing(records: Records) -> None:
    for day in range(60):
        records.applied(NOW - timedelta(days=day), at=NOW - timedelta(days=day))
    assert records.prune()["inbox"] == 29
    kept = records.left()
    assert records.prune() == {"history": 0, "inbox": 0, "starts": 0}
    assert records.left() == kept


def test_more_rows_than_a_batch_are_all_deleted(records: Records) -> None:
    for _ in range(7):
        records.applied(NOW, at=NOW)
    assert delete_in_batches(records.engine, inbox, inbox.c.event_time == NOW, batch=3) == 7
    assert records.left() == set()


def test_a_prune_interrupted_by_an_outage_is_completed_by_a_later_run(
    records: Records,
) -> None:
    for _ in range(7):
        records.applied(NOW, at=NOW)
    outage = Outage(records.engine)
    after_commits(records.engine, 2, outage)
    with pytest.raises(DatabaseUnavailable):
        delete_in_batches(records.engine, inbox, inbox.c.event_time == NOW, batch=3)
    outage.is_on = False
    assert records.count(inbox) == 1
    assert delete_in_batches(records.engine, inbox, inbox.c.event_time == NOW, batch=3) == 1


def after_commits(engine: Engine, number: int, outage: Outage) -> None:
    """Start the outage after `count` committed transactions."""
    committed: list[object] = []

    def commit(connection: object) -> None:
        committed.append(connection)
        outage.is_on = len(committed) == number

    event.listen(engine, "commit", commit)
