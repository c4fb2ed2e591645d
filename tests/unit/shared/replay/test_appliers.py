"""How a replay applies events: it rebuilds, applies missing effects, or sends again."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, MetaData, func, select

from services.analytics.handler import write_facts
from services.analytics.reports import report_views
from services.analytics.schema import facts, metadata, remove_facts, tables
from shared.consuming.crash_suspects import StartLog, starts_table
from shared.consuming.inbox import TransactionalEffect, inbox_table
from shared.consuming.inbox_retention import TOO_OLD, note_forgotten
from shared.consuming.lease import LeasedEffect
from shared.database.engine import open_database, reading, writing
from shared.database.schema import create_schema
from shared.errors import DependencyUnavailable, PermanentError
from shared.events import Event
from shared.http.app import create_app
from shared.replay.appliers import TOO_LONG, ApplyOnce, Rebuild, Resend
from shared.replay.tally import Done
from tests.builders import THE_TIME, an_event, an_item
from tests.fakes import Death, Outage

inbox, starts = tables.inbox, tables.starts

outside = MetaData()
outbox_of_mails = inbox_table(outside)
starts_of_mails = starts_table(outside)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def mails(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('mails')}/mails.db")
    create_schema(engine, outside)
    yield engine
    engine.dispose()


def rebuild(engine: Engine, write: Any = write_facts) -> Rebuild:
    return Rebuild(engine, inbox, remove_facts, write)


def live(engine: Engine) -> TransactionalEffect:
    return TransactionalEffect(engine, inbox, StartLog(starts), write_facts)


def figures(engine: Engine) -> Any:
    app = create_app()
    app.register_blueprint(report_views(engine))
    client = app.test_client()
    answers = (client.get(path).data for path in ("/totals", "/products"))
    return [json.loads(answer, parse_float=Decimal) for answer in answers]


def ids(*events: Event) -> frozenset[str]:
    return frozenset(event.id for event in events)


def some(number: int) -> list[Event]:
    return [an_event(an_item(f"prod-{n % 3}", n + 1, "0.10")) for n in range(number)]


# --- a projection ----------------------------------------------------------------------------


def test_rebuilt_figures_are_unchanged(engine: Engine) -> None:
    events = some(40)
    live(engine).apply(events)
    before = figures(engine)
    assert rebuild(engine).apply(events) == Done(rewritten=ids(*events))
    assert figures(engine) == before


def test_a_rebuild_corrects_wrong_figures(engine: Engine) -> None:
    events = some(5)
    live(engine).apply(events)
    before = figures(engine)
    with engine.begin() as tx:
        tx.execute(facts.update().values(total_amount=Decimal("0.01")))
    assert figures(engine) != before
    rebuild(engine).apply(events)
    assert figures(engine) == before


def test_a_rebuild_applies_missing_events_and_records_them_in_the_inbox(engine: Engine) -> None:
    old, new = some(3), some(2)
    live(engine).apply(old)
    assert rebuild(engine).apply([*old, *new]) == Done(applied=ids(*new), rewritten=ids(*old))
    assert live(engine).apply(new).before == ids(*new)
    assert figures(engine)[0]["orders"] == 5


def test_no_intermediate_figures_are_visible(engine: Engine) -> None:
    events = some(10)
    live(engine).apply(events)
    seen: list[int] = []

    def watched(tx: Connection, batch: Sequence[Event]) -> None:
        # The old rows are deleted in a transaction that is still invisible to others.
        with reading(engine) as other:
            seen.append(other.scalar(select(func.count()).select_from(facts)) or 0)
        write_facts(tx, batch)

    rebuild(engine, watched).apply(events)
    assert seen == [10]


def test_a_rebuild_that_crashes_half_way_changes_nothing(engine: Engine) -> None:
    events = some(6)
    live(engine).apply(events)
    before = figures(engine)

    def dying(tx: Connection, batch: Sequence[Event]) -> None:
        write_facts(tx, batch[:2])
        raise Death

    with pytest.raises(Death):
        rebuild(engine, dying).apply(events)
    assert figures(engine) == before
    rebuild(engine).apply(events)
    assert figures(engine) == before


def test_a_failing_event_is_reported_and_the_others_are_rebuilt(engine: Engine) -> None:
    events = some(5)
    bad = events[2]

    def picky(tx: Connection, batch: Sequence[Event]) -> None:
        if any(event.id == bad.id for event in batch):
            raise ValueError("not this one")
        write_facts(tx, batch)

    live(engine).apply(events)
    before = figures(engine)
    done = rebuild(engine, picky).apply(events)
    assert done.failed == {bad.id: "ValueError: not this one"}
    assert done.rewritten == ids(*events) - {bad.id}
    assert figures(engine) == before


def test_nothing_is_decided_while_the_database_is_down(engine: Engine) -> None:
    events = some(2)
    outage = Outage(engine)
    outage.is_on = True
    done = rebuild(engine).apply(events)
    assert done.decided == frozenset()
    assert "database" in (done.unavailable or "")


def test_a_dry_run_of_a_rebuild_changes_nothing(engine: Engine) -> None:
    old, new = some(2), some(1)
    live(engine).apply(old)
    before = figures(engine)
    assert rebuild(engine).look([*old, *new]) == Done(applied=ids(*new), rewritten=ids(*old))
    assert figures(engine) == before
    assert live(engine).apply(new).now == ids(*new)


# --- external effects ------------------------------------------------------------------------

Send = Callable[[Event], None]


def once(mails: Engine, send: Send, *, threads: int = 4) -> ApplyOnce:
    effect = LeasedEffect(mails, outbox_of_mails, StartLog(starts_of_mails), send, lease=5.0)
    return ApplyOnce(mails, outbox_of_mails, effect, batch=threads, threads=threads)


def test_only_unsent_events_are_sent(mails: Engine) -> None:
    sent: list[str] = []
    applier = once(mails, lambda event: sent.append(event.id))
    old, new = some(3), some(2)
    assert applier.apply(old) == Done(applied=ids(*old))
    assert applier.look([*old, *new]) == Done(applied=ids(*new), already=ids(*old))
    assert applier.apply([*old, *new]) == Done(applied=ids(*new), already=ids(*old))
    assert sorted(sent) == sorted(ids(*old, *new))


def test_a_refused_mail_is_reported_and_the_others_are_sent(mails: Engine) -> None:
    events = some(4)

    def send(event: Event) -> None:
        if event.id == events[1].id:
            raise PermanentError("550 no such user")

    done = once(mails, send).apply(events)
    assert done.failed == {events[1].id: "550 no such user"}
    assert done.applied == ids(*events) - {events[1].id}


def test_mails_sent_before_an_outage_count_as_sent(mails: Engine) -> None:
    events = some(3)

    def send(event: Event) -> None:
        if event.id == events[2].id:
            raise DependencyUnavailable("mail server", "refused")

    done = once(mails, send).apply(events)
    assert done.applied == ids(*events[:2])
    assert done.decided == ids(*events[:2])
    assert "mail server" in (done.unavailable or "")


def test_an_event_that_is_being_sent_is_waited_for(mails: Engine) -> None:
    [event] = some(1)
    inside: list[Done] = []

    def send(_event: Event) -> None:
        inside.append(once(mails, lambda _event: None).apply([event]))

    assert once(mails, send).apply([event]).applied == ids(event)
    [done] = inside
    assert done.decided == frozenset()
    assert (done.unavailable, 0 < done.held <= 5) == (None, True)


def test_an_event_that_is_being_resent_is_waited_for(mails: Engine) -> None:
    [event] = some(1)
    inside: list[Done] = []

    def resend(send: Callable[[Event], None]) -> Resend:
        return Resend(once(mails, send), "abcdef012345", began=THE_TIME)

    def send(_event: Event) -> None:
        inside.append(resend(lambda _event: None).apply([event]))

    assert resend(send).apply([event]).applied == ids(event)
    [done] = inside
    assert (done.decided, done.unavailable, 0 < done.held <= 5) == (frozenset(), None, True)


def test_an_event_older_than_the_inbox_is_not_taken_for_unsent(mails: Engine) -> None:
    sent: list[str] = []
    applier = once(mails, lambda event: sent.append(event.id))
    old = [an_event(time=THE_TIME - timedelta(days=9)) for _ in range(3)]
    new = some(2)
    known = old[0]
    applier.apply([known])
    with writing(mails) as tx:
        note_forgotten(tx, outbox_of_mails, THE_TIME - timedelta(days=8))
        # An earlier limit than before changes nothing.
        note_forgotten(tx, outbox_of_mails, THE_TIME - timedelta(days=20))
    assert applier.look([*old, *new]).applied == ids(*new)
    done = applier.apply([*old, *new])
    assert (done.applied, done.already) == (ids(*new), ids(known))
    assert set(done.failed) == ids(*old[1:])
    assert done.failed[old[1].id] == f"{TOO_OLD} 2026-02-24"
    assert sorted(sent) == sorted(ids(known, *new))
    # With the explicit option it is sent all the same.
    assert Resend(applier, "abc", began=THE_TIME).apply(old).applied == ids(*old)


def test_a_resend_sends_everything_again_with_new_ids(mails: Engine) -> None:
    sent: list[str] = []
    applier = once(mails, lambda event: sent.append(event.id))
    events = some(3)
    applier.apply(events)
    sent.clear()

    again = Resend(applier, "abc", began=THE_TIME)
    assert again.look(events) == Done(applied=ids(*events))
    assert again.apply(events) == Done(applied=ids(*events))
    assert sorted(sent) == sorted(f"{event.id}.replay-abc" for event in events)
    # Run again, it sends nothing twice; a new resend does.
    assert again.apply(events) == Done(already=ids(*events))
    assert Resend(applier, "def", began=THE_TIME).apply(events) == Done(applied=ids(*events))
    assert len(sent) == 6


def test_a_resend_repeated_after_a_prune_sends_nothing_it_may_have_sent(
    mails: Engine,
) -> None:
    sent: list[str] = []
    applier = once(mails, lambda event: sent.append(event.id))
    events = some(2)
    Resend(applier, "abc", began=THE_TIME).apply(events)
    with writing(mails) as tx:
        tx.execute(outbox_of_mails.delete())
        note_forgotten(tx, outbox_of_mails, THE_TIME + timedelta(days=1))
    assert set(Resend(applier, "abc", began=THE_TIME).apply(events).failed) == ids(*events)
    assert len(sent) == 2


def test_an_id_too_long_for_a_resend_is_reported(mails: Engine) -> None:
    sent: list[str] = []
    [fits, event] = some(2)
    long = replace(event, id="e" * 60)
    done = Resend(once(mails, lambda event: sent.append(event.id)), "abc", began=THE_TIME).apply(
        [fits, long]
    )
    assert done == Done(applied=ids(fits), failed={long.id: TOO_LONG})
    assert len(sent) == 1
