"""A replay does not repeat effects whose records were pruned."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.email.schema import tables
from shared.consuming.crash_suspects import StartLog
from shared.consuming.lease import LeasedEffect
from shared.replay.appliers import ApplyOnce
from tests.builders import an_event
from tests.pruning import KEEP, NOW, TICK, Records, records_in

inbox, starts = tables.inbox, tables.starts


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    with records_in(database_url) as records:
        yield records


def test_a_mail_whose_inbox_row_was_pruned_is_not_sent_again(records: Records) -> None:
    sent: list[str] = []
    effect = LeasedEffect(
        records.engine, inbox, StartLog(starts), lambda event: sent.append(event.id), lease=5
    )
    applier = ApplyOnce(records.engine, inbox, effect, batch=10)
    forgotten = records.applied(NOW - KEEP - TICK, at=NOW - KEEP - TICK)
    remembered = records.applied(NOW - KEEP, at=NOW - TICK)
    never_sent = an_event(time=NOW - timedelta(days=1))
    records.applied(NOW, at=NOW)
    assert records.prune()["inbox"] == 1

    done = applier.apply([forgotten, remembered, never_sent])

    assert sent == [never_sent.id]
    assert done.already == {remembered.id}
    assert set(done.failed) == {forgotten.id}
    assert "may have been done" in done.failed[forgotten.id]
