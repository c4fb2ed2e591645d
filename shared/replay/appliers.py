"""The ways in which a replay applies events; each service has the one that fits its effect.

A projection is rebuilt: the rows of an event are deleted and rewritten. An effect that cannot be
undone (a mail, a piece taken from the stock) is applied only to events that are not done in the
inbox; or, on an operator's request, it is sent again under an id of that replay.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial, reduce
from typing import Protocol

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Table, select

from shared.consuming.effect import Effect
from shared.consuming.inbox import DONE, inbox_row, maybe_pruned
from shared.database.bulk_insert import insert_new_rows
from shared.database.engine import reading, writing
from shared.errors import BrokerUnavailable, DependencyUnavailable, LeaseHeld, PermanentError
from shared.events import RESENT, Event, is_id
from shared.replay.table import StoredReplay
from shared.replay.tally import Done

TOO_LONG = "its id is too long to be sent again"

Write = Callable[[Connection, Sequence[Event]], None]
#: Deletes the rows of the events with these ids.
Remove = Callable[[Connection, Sequence[str]], None]


class Applier(Protocol):
    #: The most events at a time, with distinct ids.
    batch: int
    #: A description for people, after "it".
    does: str

    def look(self, events: Sequence[Event]) -> Done:
        """The result that `apply` would have. Changes nothing. Raises DatabaseUnavailable."""

    def apply(self, events: Sequence[Event]) -> Done:
        """Apply as many events as possible. Raises DatabaseUnavailable if none was tried."""


class Rebuild:
    """A projection: the rows of a batch are deleted and rewritten in one transaction.

    Readers see the old rows until the commit, so no row is ever missing. The inbox rows of events
    that are new to this service are inserted first: a live consumer that is about to apply one of
    these events waits, and then finds it done.
    """

    does = "deletes the rows of each event and rewrites them, one transaction per batch"

    def __init__(self, engine: Engine, inbox: Table, remove: Remove, write: Write) -> None:
        self.batch = 500
        self._engine = engine
        self._inbox = inbox
        self._remove = remove
        self._write = write

    def look(self, events: Sequence[Event]) -> Done:
        done = _done(self._engine, self._inbox, events)
        return Done(applied=_ids(events) - done, rewritten=done)

    def apply(self, events: Sequence[Event]) -> Done:
        return _together_or_alone(self._rewrite, events)

    def _rewrite(self, events: Sequence[Event]) -> Done:
        with writing(self._engine) as tx:
            rows = [inbox_row(event, DONE) for event in events]
            fresh = insert_new_rows(tx, self._inbox, rows)
            self._remove(tx, [event.id for event in events])
            self._write(tx, events)
        return Done(applied=fresh, rewritten=_ids(events) - fresh)


class ApplyOnce:
    """Applies the events that are not done in the inbox, as if they had just been delivered.

    Events from before the inbox's last prune are not applied, since they may have been done. With
    `threads` > 1 (for slow calls), that many events are processed at a time, else one batch.
    """

    does = "applies the events that are not done in the inbox, and none a second time"

    def __init__(
        self, engine: Engine, inbox: Table, effect: Effect, *, batch: int, threads: int = 1
    ) -> None:
        self.batch = batch
        self._engine = engine
        self._inbox = inbox
        self._effect = effect
        self._threads = threads

    def look(self, events: Sequence[Event], *, began: datetime | None = None) -> Done:
        return self._guarded(self._look, events, began)

    def apply(self, events: Sequence[Event], *, began: datetime | None = None) -> Done:
        """`began`: if the events have ids of a replay, the time at which it was first run."""
        return self._guarded(self._apply_all, events, began)

    def _look(self, events: Sequence[Event]) -> Done:
        done = _done(self._engine, self._inbox, events)
        return Done(applied=_ids(events) - done, already=done)

    def _apply_all(self, events: Sequence[Event]) -> Done:
        if self._threads == 1:
            return _together_or_alone(self._apply, events)
        one = partial(_together_or_alone, self._apply)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="replay") as threads:
            return reduce(Done.also, threads.map(lambda event: one([event]), events), Done())

    def _guarded(
        self,
        act: Callable[[Sequence[Event]], Done],
        events: Sequence[Event],
        began: datetime | None,
    ) -> Done:
        failed = maybe_pruned(self._engine, self._inbox, events, began=began)
        others = [event for event in events if event.id not in failed]
        return (act(others) if others else Done()).also(Done(failed=failed))

    def _apply(self, events: Sequence[Event]) -> Done:
        applied = self._effect.apply(events)
        done = Done(applied=applied.now, already=applied.before)
        for event in [event for event in events if event.id in applied.suspects]:
            # A process crashed while handling this event, so it is handled alone.
            alone = self._effect.apply([event], alone=True)
            done = done.also(Done(applied=alone.now, already=alone.before))
        return done


class Resend:
    """Sends everything again, each event under an id of this replay.

    The inbox stores that id, so that running the replay again sends nothing twice. The downstream
    system gets it too: by the event's own id, it would take the mail for a duplicate.
    """

    does = "sends everything again under ids of this replay, even if it was sent before"

    def __init__(self, once: ApplyOnce, replay_id: str, *, began: datetime) -> None:
        self.batch = once.batch
        self._once = once
        self._suffix = RESENT + replay_id
        #: Prevents a repeated run, after its inbox rows were pruned, from sending everything again.
        self._began = began

    def look(self, events: Sequence[Event]) -> Done:
        return self._renamed(partial(self._once.look, began=self._began), events)

    def apply(self, events: Sequence[Event]) -> Done:
        return self._renamed(partial(self._once.apply, began=self._began), events)

    def _renamed(self, act: Callable[[Sequence[Event]], Done], events: Sequence[Event]) -> Done:
        renamed = [replace(event, id=event.id + self._suffix) for event in events]
        fitting = [event for event in renamed if is_id(event.id)]
        too_long = {event.id: TOO_LONG for event in renamed if not is_id(event.id)}
        done = (act(fitting) if fitting else Done()).also(Done(failed=too_long))
        return Done(
            applied=self._originals(done.applied),
            already=self._originals(done.already),
            failed={self._original(name): reason for name, reason in done.failed.items()},
            unavailable=done.unavailable,
            held=done.held,
        )

    def _originals(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset(map(self._original, names))

    def _original(self, name: str) -> str:
        return name.removesuffix(self._suffix)


def sending(once: ApplyOnce, replay: StoredReplay) -> Applier:
    """For a service that sends something: send unsent events, or on request all of them again."""
    return Resend(once, replay.id, began=replay.started_at) if replay.request.resend else once


def _together_or_alone(act: Callable[[Sequence[Event]], Done], events: Sequence[Event]) -> Done:
    """Apply all events at once; if that fails, one by one, to find the one at fault."""
    try:
        return act(events)
    except LeaseHeld as held:
        return Done(held=held.seconds)
    except (DependencyUnavailable, BrokerUnavailable) as error:
        return Done(unavailable=str(error))
    except PermanentError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001
        # An error in one event must not stop the replay of the others.
        reason = f"{type(error).__name__}: {error}"
    if len(events) == 1:
        return Done(failed={events[0].id: reason})
    return reduce(Done.also, (_together_or_alone(act, [event]) for event in events), Done())


def _done(engine: Engine, inbox: Table, events: Sequence[Event]) -> frozenset[str]:
    ids = sorted(_ids(events))
    query = select(inbox.c.event_id).where(inbox.c.event_id.in_(ids), inbox.c.state == DONE)
    with reading(engine) as tx:
        return frozenset(tx.scalars(query))


def _ids(events: Sequence[Event]) -> frozenset[str]:
    return frozenset(event.id for event in events)
