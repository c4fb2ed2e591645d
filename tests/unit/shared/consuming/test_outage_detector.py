"""Whether a refusal is about one event or an outage, inferred from other events."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from shared.consuming.outage_detector import PATIENCE, PAUSE, REMEMBERED, SEVERAL, OutageDetector
from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused
from shared.events import Event
from tests.builders import an_event
from tests.fakes import in_threads


class Server:
    """Refuses the events in `refusals`, and all events while `refuses_all` is set."""

    def __init__(self) -> None:
        self.refusals: dict[str, Callable[[], Exception]] = {}
        self.refuses_all: Callable[[], Exception] | None = None
        self.accepted: list[str] = []

    def __call__(self, event: Event) -> None:
        refusal = self.refuses_all or self.refusals.get(event.id)
        if refusal:
            raise refusal()
        self.accepted.append(event.id)


def no_mailbox() -> Refused:
    return Refused("mail server", "550 5.1.1", kind="RCPT 550 5.1.1")


def greylisted() -> Refused:
    return Refused("mail server", "451 4.7.1", kind="RCPT 451 4.7.1", for_now=True)


def busy() -> Refused:
    return Refused("SMS gateway", "500", kind="500", retry_after=7.0)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def detector(server: Server) -> OutageDetector:
    return OutageDetector(server)


def refused(detector: OutageDetector, event: Event) -> Refused:
    with pytest.raises(Refused) as refusal:
        detector(event)
    return refusal.value


def test_several_consecutive_events_with_one_refusal_are_an_outage(
    server: Server, detector: OutageDetector
) -> None:
    server.refuses_all = busy
    for _ in range(SEVERAL - 1):
        assert refused(detector, an_event()).patience == PATIENCE
    with pytest.raises(DependencyUnavailable, match=r"SMS gateway is unavailable.*500") as outage:
        detector(an_event())
    assert outage.value.retry_after == 7.0


def test_events_refused_before_detection_count_as_the_outage_when_retried(
    server: Server, detector: OutageDetector
) -> None:
    server.refuses_all = no_mailbox
    first, *others = [an_event() for _ in range(SEVERAL)]
    refused(detector, first)
    for event in others[:-1]:
        refused(detector, event)
    for event in (others[-1], first):
        with pytest.raises(DependencyUnavailable):
            detector(event)
    server.refuses_all = None
    detector(first)
    assert server.accepted == [first.id]


def test_repeated_refusals_of_one_event_are_not_an_outage(
    server: Server, detector: OutageDetector
) -> None:
    server.refuses_all = no_mailbox
    event = an_event()
    for _ in range(2 * SEVERAL):
        assert refused(detector, event).patience == PATIENCE


def test_different_refusals_are_not_consecutive(server: Server, detector: OutageDetector) -> None:
    for refusal in (no_mailbox, busy, no_mailbox, busy):
        server.refuses_all = refusal
        refused(detector, an_event())


def test_an_accepted_event_resets_the_count(server: Server, detector: OutageDetector) -> None:
    bad = [an_event() for _ in range(2 * SEVERAL)]
    server.refusals = dict.fromkeys((event.id for event in bad), no_mailbox)
    for event in bad:
        refused(detector, event)
        detector(an_event())


def test_a_refused_event_is_at_fault_once_a_later_one_is_accepted(
    server: Server, detector: OutageDetector
) -> None:
    bad = an_event()
    server.refusals = {bad.id: no_mailbox}
    detector(an_event())
    assert refused(detector, bad).patience == PATIENCE
    detector(an_event())
    assert refused(detector, bad).patience == 0


class Held(Server):
    """Blocks each call for an event in `held` until `release` is called for it."""

    def __init__(self, *held: Event) -> None:
        super().__init__()
        self._begun = {event.id: threading.Event() for event in held}
        self._go = {event.id: threading.Event() for event in held}
        self._threads: dict[str, threading.Thread] = {}

    def __call__(self, event: Event) -> None:
        if go := self._go.get(event.id):
            self._begun[event.id].set()
            assert go.wait(10)
        super().__call__(event)

    def begin(self, detector: OutageDetector, event: Event) -> None:
        def call() -> None:
            with suppress(Refused):
                detector(event)

        self._threads[event.id] = threading.Thread(target=call)
        self._threads[event.id].start()
        assert self._begun[event.id].wait(10)

    def release(self, event: Event) -> None:
        self._go[event.id].set()
        self._threads[event.id].join()


def test_an_acceptance_begun_before_the_refusal_proves_nothing() -> None:
    slow, bad = an_event(), an_event()
    server = Held(slow)
    server.refusals = {bad.id: no_mailbox}
    detector = OutageDetector(server)
    server.begin(detector, slow)
    refused(detector, bad)
    server.release(slow)
    assert refused(detector, bad).patience == PATIENCE


def test_an_acceptance_begun_during_the_refused_call_proves_nothing() -> None:
    bad, slow = an_event(), an_event()
    server = Held(bad, slow)
    server.refusals = {bad.id: no_mailbox}
    detector = OutageDetector(server)
    server.begin(detector, bad)
    server.begin(detector, slow)
    server.release(bad)
    server.release(slow)
    assert refused(detector, bad).patience == PATIENCE


def test_a_late_acceptance_of_an_early_call_changes_no_verdict() -> None:
    slow, bad = an_event(), an_event()
    server = Held(slow)
    server.refusals = {bad.id: no_mailbox}
    detector = OutageDetector(server)
    server.begin(detector, slow)
    refused(detector, bad)
    detector(an_event())
    server.release(slow)
    assert refused(detector, bad).patience == 0


def test_an_accepted_event_starts_afresh_when_it_is_sent_again(
    server: Server, detector: OutageDetector
) -> None:
    event = an_event()
    server.refusals = {event.id: no_mailbox}
    refused(detector, event)
    server.refusals = {}
    detector(event)
    detector(an_event())
    server.refusals = {event.id: no_mailbox}
    assert refused(detector, event).patience == PATIENCE


def test_with_very_many_refused_events_the_oldest_are_forgotten(
    server: Server, detector: OutageDetector
) -> None:
    first, *_, last = events = [an_event() for _ in range(REMEMBERED + 1)]
    server.refusals = dict.fromkeys((event.id for event in events), no_mailbox)
    for event in events:
        with suppress(Refused, DependencyUnavailable):
            detector(event)
    detector(an_event())
    assert refused(detector, last).patience == 0
    assert refused(detector, first).patience == PATIENCE


def test_a_temporary_refusal_is_tolerated_for_minutes(
    server: Server, detector: OutageDetector
) -> None:
    new = an_event()
    server.refusals = {new.id: greylisted}
    for _ in range(2):
        assert refused(detector, new).patience == PATIENCE >= 600
        detector(an_event())


def test_a_temporary_refusal_of_several_events_is_tolerated_throughout(
    server: Server, detector: OutageDetector
) -> None:
    server.refuses_all = greylisted
    events = [an_event() for _ in range(SEVERAL)]
    patience = [refused(detector, event).patience for event in events]
    assert patience == [PATIENCE, PATIENCE, math.inf]
    assert refused(detector, events[0]).patience == math.inf


def no_answer() -> OutcomeUnknown:
    return OutcomeUnknown("mail server", "no answer to the dot")


def test_an_unknown_outcome_of_one_event_does_not_stop_others(
    server: Server, detector: OutageDetector
) -> None:
    bad = an_event()
    server.refusals = {bad.id: no_answer}
    for _ in range(2 * SEVERAL):
        with pytest.raises(OutcomeUnknown):
            detector(bad)
    detector(an_event())
    assert len(server.accepted) == 1


def test_unknown_outcomes_between_accepted_ones_are_not_consecutive(
    server: Server, detector: OutageDetector
) -> None:
    bad = [an_event() for _ in range(2 * SEVERAL)]
    server.refusals = dict.fromkeys((event.id for event in bad), no_answer)
    for event in bad:
        with pytest.raises(OutcomeUnknown):
            detector(event)
        detector(an_event())
    assert len(server.accepted) == 2 * SEVERAL


def test_after_several_unknown_outcomes_only_rare_probes_are_sent(
    server: Server,
) -> None:
    now = [0.0]
    detector = OutageDetector(server, clock=lambda: now[0])
    server.refuses_all = no_answer
    for _ in range(SEVERAL):
        with pytest.raises(OutcomeUnknown):
            detector(an_event())
    for now[0] in (0.0, PAUSE - 1):
        with pytest.raises(DependencyUnavailable, match="mail server") as outage:
            detector(an_event())
        assert outage.value.retry_after == PAUSE - now[0]
    now[0] = PAUSE
    with pytest.raises(OutcomeUnknown):
        detector(an_event())
    with pytest.raises(DependencyUnavailable):
        detector(an_event())
    now[0], server.refuses_all = 2 * PAUSE, None
    detector(an_event())
    detector(an_event())
    assert len(server.accepted) == 2


def test_many_threads_detect_the_outage(server: Server, detector: OutageDetector) -> None:
    server.refuses_all = busy
    errors = in_threads(32, lambda: detector(an_event()))
    assert sum(isinstance(error, DependencyUnavailable) for error in errors) == 32 - SEVERAL + 1
