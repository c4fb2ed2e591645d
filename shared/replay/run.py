"""Runs one replay from beginning to end: applies stored events batch by batch and counts them."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from shared.consuming.settle import read
from shared.errors import ContractError, DependencyUnavailable
from shared.events import Event
from shared.replay.appliers import Applier
from shared.replay.patience import Patience
from shared.replay.tally import Done, Tally
from shared.transport import Stored


class Stopped(Exception):
    """The replay was stopped, or another process has taken it over."""


class ReplayRun:
    """`wait(seconds)` returns True when the replay should stop; `keep` stores the tally."""

    def __init__(
        self,
        applier: Applier,
        tally: Tally,
        *,
        dry_run: bool,
        wait: Callable[[float], bool],
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._act = applier.look if dry_run else applier.apply
        self._batch = applier.batch
        self._tally = tally
        self._wait = wait
        self._keep = keep

    def all_of(self, stored: Iterable[Stored]) -> None:
        """Replay all events. Raises Stopped, BrokerUnavailable, and DependencyUnavailable when
        patience runs out.
        """
        for batch in _batches(stored, self._batch):
            if self._wait(0.0):
                raise Stopped
            readable = [(each, event) for each in batch if (event := self._read(each))]
            events = list({event.id: event for _each, event in readable}.values())
            self._decide(events, [each for each, _event in readable])
            self._keep()

    def _read(self, stored: Stored) -> Event | None:
        self._tally.saw(stored)
        try:
            event = read(stored.message)
        except ContractError as error:
            self._tally.fail(stored, str(error))
            return None
        if event is None:
            self._tally.ignore()
        return event

    def _decide(self, events: Sequence[Event], batch: Sequence[Stored]) -> None:
        """Apply until each event is decided; wait for unavailable dependencies in between."""
        patience, total = Patience(), Done()
        try:
            while events:
                done = self._try(events)
                total = total.also(done)
                events = [event for event in events if event.id not in total.decided]
                if events and self._wait(patience.next_pause(done)):
                    raise Stopped
        finally:
            self._tally.count(total, batch)

    def _try(self, events: Sequence[Event]) -> Done:
        try:
            return self._act(events)
        except DependencyUnavailable as error:
            return Done(unavailable=str(error))


def waiting_on(*ends: threading.Event) -> Callable[[float], bool]:
    """A wait that returns early when the first of `ends` is set; True if any of them is set."""

    def wait(seconds: float) -> bool:
        return ends[0].wait(seconds) or any(end.is_set() for end in ends)

    return wait


def _batches(stored: Iterable[Stored], size: int) -> Iterator[list[Stored]]:
    events = iter(stored)
    while batch := list(islice(events, size)):
        yield batch
