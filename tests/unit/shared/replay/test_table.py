"""The table of replays: one at a time under a lease, with a limited history."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, MetaData, inspect

from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.errors import ReplayRefused
from shared.replay.shapes import DONE, FAILED, INTERRUPTED, RUNNING
from shared.replay.store import KEPT, LEASE, Replays
from shared.replay.table import Request, StoredReplay, replays_table
from shared.replay.tally import Tally
from tests.fakes import in_threads, the_only

metadata = MetaData()
table = replays_table(metadata)
ALL = Request("beginning")


class Clock:
    now = 1000.0

    def __call__(self, _tx: Connection) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def replays(engine: Engine, clock: Clock) -> Replays:
    return Replays(engine, table, clock=clock)


def found(replays: Replays, id: str) -> StoredReplay:
    replay = replays.find(id)
    assert replay
    return replay


def test_a_replay_is_stored_as_requested(replays: Replays) -> None:
    request = Request("3:12", "2026-03-04T05:06:07Z", dry_run=True, resend=True)
    replay = replays.begin(request)
    assert replay == found(replays, replay.id)
    assert (replay.state, replay.request, replay.ended_at) == (RUNNING, request, None)
    assert replay.tally.seen == 0


def test_no_other_replay_starts_while_one_is_running(replays: Replays, engine: Engine) -> None:
    one = replays.begin(ALL)
    with pytest.raises(ReplayRefused, match=one.id):
        replays.begin(ALL)
    with pytest.raises(ReplayRefused, match=one.id):
        Replays(engine, table, clock=Clock()).begin(ALL)
    replays.end(one, DONE, Tally())
    assert replays.begin(ALL).state == RUNNING


def test_of_many_concurrent_starts_one_succeeds(replays: Replays) -> None:
    results = in_threads(8, lambda: replays.begin(ALL))
    assert len([result for result in results if isinstance(result, StoredReplay)]) == 1
    assert len([result for result in results if isinstance(result, ReplayRefused)]) == 7


def test_the_database_refuses_a_second_running_replay(engine: Engine) -> None:
    [index] = inspect(engine).get_indexes("replays")
    assert (index["column_names"], index["unique"]) == (["state"], True)


def test_a_replay_with_an_expired_lease_was_interrupted(replays: Replays, clock: Clock) -> None:
    replay = replays.begin(ALL)
    clock.now += LEASE - 0.1
    assert replays.progress(replay, Tally(seen=7, applied=7))
    clock.now += LEASE - 0.1
    assert found(replays, replay.id).state == RUNNING
    clock.now += 0.2
    interrupted = found(replays, replay.id)
    assert interrupted.state == INTERRUPTED
    assert interrupted.tally.seen == 7
    assert "run it again" in (interrupted.reason or "")
    assert interrupted.ended_at


def test_an_interrupted_replay_does_not_block_the_next(replays: Replays, clock: Clock) -> None:
    gone = replays.begin(ALL)
    clock.now += LEASE + 1
    assert replays.begin(ALL).state == RUNNING
    assert found(replays, gone.id).state == INTERRUPTED


def test_a_replay_that_lost_its_lease_can_no_longer_write(replays: Replays, clock: Clock) -> None:
    slow = replays.begin(ALL)
    clock.now += LEASE + 1
    replays.expire()
    again = replays.begin_again(slow.id)
    assert not replays.progress(slow, Tally(seen=99))
    assert not replays.end(slow, DONE, Tally(seen=99))
    assert found(replays, again.id) == again


def test_a_replay_that_is_run_again_keeps_its_id_and_resets_its_counts(replays: Replays) -> None:
    replay = replays.begin(Request("12", "20", dry_run=True))
    replays.end(replay, FAILED, Tally(seen=3, failed=3), "the broker went away")
    again = replays.begin_again(replay.id)
    assert (again.id, again.request, again.state) == (replay.id, replay.request, RUNNING)
    assert (again.tally.seen, again.reason, again.ended_at) == (0, None, None)


def test_a_resend_that_is_run_again_skips_later_events(replays: Replays) -> None:
    replay = replays.begin(Request("beginning", resend=True))
    replays.end(replay, INTERRUPTED, Tally())
    again = replays.begin_again(replay.id)
    assert again.request == Request("beginning", replay.started_at.isoformat(), resend=True)
    replays.end(again, INTERRUPTED, Tally())
    assert replays.begin_again(replay.id).request == again.request


def test_a_running_or_unknown_replay_cannot_be_run_again(replays: Replays) -> None:
    with pytest.raises(ReplayRefused, match="no replay nobody"):
        replays.begin_again("nobody")
    replay = replays.begin(ALL)
    with pytest.raises(ReplayRefused, match="is running"):
        replays.begin_again(replay.id)


def test_only_the_newest_replays_are_kept(replays: Replays) -> None:
    for _ in range(KEPT + 5):
        newest = replays.begin(ALL)
        replays.end(newest, DONE, Tally())
    remembered = replays.newest(1000)
    assert len(remembered) == KEPT
    assert remembered[0].id == newest.id
    assert the_only([replay for replay in remembered if replay.id == newest.id]).state == DONE


def test_a_replay_that_resent_something_is_kept_for_ever(replays: Replays) -> None:
    resend = Request("beginning", resend=True)
    for request in (resend, Request("beginning", resend=True, dry_run=True)):
        replays.end(replays.begin(request), DONE, Tally())
    for _ in range(KEPT):
        replays.end(replays.begin(ALL), DONE, Tally())

    kept = [replay.request for replay in replays.newest(1000)]

    assert kept == [ALL] * KEPT + [resend]
