"""The consumer loop: outages, crash suspects, lost connections, stops and crashes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from shared.consuming.consumer import Consumer
from shared.consuming.effect import Applied
from shared.errors import DatabaseUnavailable, DependencyUnavailable, RefusesAll
from shared.events import Event
from shared.transport import DEFERRAL
from tests.builders import a_message
from tests.fakes import Death, FakeBroker, FakeEffect, failing_log
from tests.waiting import eventually, stays

LADDER = (1.0, 5.0, 30.0)


class Running:
    """A started consumer; `deaths` records its requests to end the process."""

    def __init__(
        self,
        broker: FakeBroker,
        effect: FakeEffect,
        *,
        concurrency: int = 1,
        batch: int = 1,
        check: Callable[[], None] = lambda: None,
        keep: float = 60.0,
    ) -> None:
        self.deaths: list[str] = []
        self.consumer = Consumer(
            "email",
            broker,
            effect,
            ladder=LADDER,
            concurrency=concurrency,
            batch=batch,
            check=check,
            keep=keep,
        )
        self.consumer.start(on_death=lambda: self.deaths.append("died"))


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Starts consumers, and stops them at the end of the test."""
    started: list[Running] = []

    def start(broker: FakeBroker, effect: FakeEffect, **options: object) -> Running:
        started.append(Running(broker, effect, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for running in started:
        running.consumer.stop()


Start = Callable[..., Running]


class Slow(FakeEffect):
    """An effect whose work does not finish before `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.at_once = 0
        self.most_at_once = 0

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert self.go.wait(10)
            return super().apply(events, alone=alone)
        finally:
            self.at_once -= 1


def test_deliveries_are_settled_and_no_longer_counted(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(20)]), FakeEffect()
    running = start(broker, effect)
    eventually(lambda: broker.ended() == [("ack",)] * 20)
    eventually(lambda: running.consumer.unsettled == 0)
    assert running.consumer.why_not_ready() is None


def test_a_delivery_without_the_brokers_confirm_is_not_settled(start: Start) -> None:
    broker, effect = FakeBroker(a_message()), FakeEffect()
    running = start(broker, effect)
    broker.held = 1
    eventually(lambda: effect.applied)
    eventually(lambda: running.consumer.unsettled == 1)
    stays(lambda: running.consumer.unsettled == 1)
    broker.held = 0
    assert running.consumer.unsettled == 0


def test_slow_work_runs_in_parallel_up_to_its_concurrency(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(9)]), Slow()
    running = start(broker, effect, concurrency=4)
    eventually(lambda: effect.at_once == 4)
    stays(lambda: effect.at_once == 4)
    assert (broker.prefetch, running.consumer.unsettled) == (4, 4)
    effect.go.set()
    eventually(lambda: len(broker.ended()) == 9)
    assert effect.most_at_once == 4


def test_batches_are_complete_and_two_are_prefetched(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(250)]), FakeEffect()
    start(broker, effect, batch=100)
    eventually(lambda: len(broker.ended()) == 250)
    assert [len(batch) for batch in effect.batches] == [100, 100, 50]
    assert broker.prefetch == 200


def test_an_outage_stops_receiving_and_nothing_is_dead_lettered(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(10)]), FakeEffect()
    outage = DependencyUnavailable("mail server", "refused")
    effect.errors = {message.id: outage for message in broker.queue}
    running = start(broker, effect, concurrency=2)
    eventually(lambda: running.consumer.why_not_ready() == "mail server is unavailable: refused")
    eventually(lambda: len(broker.deliveries) == 2)
    stays(lambda: len(broker.deliveries) == 2 and not broker.ended())
    effect.errors = {}
    eventually(lambda: broker.ended() == [("ack",)] * 10)
    assert running.consumer.why_not_ready() is None
    assert len(broker.deliveries) == 10


def test_a_subscription_with_trouble_is_not_ready(start: Start) -> None:
    broker = FakeBroker()
    running = start(broker, FakeEffect())
    eventually(lambda: running.consumer.why_not_ready() is None)
    broker.problem = "nothing comes"
    assert running.consumer.why_not_ready() == "nothing comes"
    broker.problem = None
    assert running.consumer.why_not_ready() is None


def test_a_delivery_that_fails_alone_does_not_stop_the_others(start: Start) -> None:
    bad, *others = [a_message() for _ in range(10)]
    broker, effect = FakeBroker(bad), FakeEffect()
    effect.errors = {bad.id: DependencyUnavailable("mail server", "hung up at RCPT")}
    running = start(broker, effect, concurrency=2)
    eventually(running.consumer.why_not_ready)
    broker.queue.extend(others)
    eventually(lambda: broker.ended() == [("ack",)] * 9)
    assert sorted(effect.applied) == sorted(message.id for message in others)


def test_refused_events_do_not_block_an_accepted_one(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(5)]), FakeEffect()
    *refused, accepted = [message.id for message in broker.queue]
    error = RefusesAll("mail server", "550 to three in a row")
    effect.errors = dict.fromkeys(refused, error)
    running = start(broker, effect, concurrency=2)
    eventually(lambda: effect.applied == [accepted])
    eventually(lambda: running.consumer.unsettled == 0)
    assert broker.ended() == [("retry", DEFERRAL, None)] * 4 + [("ack",)]


def test_failing_events_on_every_worker_make_room_in_the_end(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(4)]), FakeEffect()
    *bad, good = [message.id for message in broker.queue]
    effect.errors = dict.fromkeys(bad, DependencyUnavailable("mail server", "hung up at RCPT"))
    running = start(broker, effect, concurrency=2, keep=0.3)
    eventually(lambda: effect.applied == [good])
    eventually(lambda: running.consumer.unsettled == 0)
    assert broker.ended() == [("retry", DEFERRAL, None)] * 3 + [("ack",)]


def test_a_stop_during_an_outage_returns_the_deliveries(start: Start) -> None:
    broker, effect = FakeBroker(a_message()), FakeEffect()
    effect.errors[broker.queue[0].id] = DependencyUnavailable("mail server", "refused")
    running = start(broker, effect)
    eventually(running.consumer.why_not_ready)
    began = time.monotonic()
    running.consumer.stop()
    assert time.monotonic() - began < 5
    assert (broker.ended(), broker.closed) == ([], 1)


def test_a_stop_finishes_work_in_progress_and_takes_no_more(start: Start) -> None:
    broker, effect = FakeBroker(*[a_message() for _ in range(5)]), Slow()
    running = start(broker, effect, concurrency=2)
    eventually(lambda: effect.at_once == 2)
    threading.Timer(0.3, effect.go.set).start()
    running.consumer.stop()
    assert broker.ended() == [("ack",), ("ack",)]
    assert (len(broker.queue), broker.closed, running.consumer.unsettled) == (3, 1, 0)
    assert running.consumer.why_not_ready() == "the consumer has stopped"
    assert running.deaths == []


def test_a_stop_records_outcomes_from_memory_once_the_database_is_back(
    start: Start,
) -> None:
    class Forgetful(FakeEffect):
        def record_the_rest(self) -> None:
            tries.append("try")
            if len(tries) < 3:
                raise DatabaseUnavailable("refused")

    tries: list[str] = []
    start(FakeBroker(), Forgetful()).consumer.stop()
    assert tries == ["try"] * 3


def test_suspects_are_handled_alone_with_nothing_else_in_progress(start: Start) -> None:
    messages = [a_message() for _ in range(6)]
    broker, effect = FakeBroker(*messages), Neighbours()
    effect.suspects = {messages[1].id, messages[4].id}
    running = start(broker, effect, concurrency=3)
    eventually(lambda: broker.ended() == [("ack",)] * 6)
    assert sorted(effect.alone) == sorted(effect.suspects)
    assert effect.beside_a_suspect == []
    eventually(lambda: running.consumer.unsettled == 0)


class Neighbours(FakeEffect):
    """A slow effect that records the events in progress beside one that is handled alone."""

    def __init__(self) -> None:
        super().__init__()
        self.beside_a_suspect: list[str] = []
        self._in_work: dict[str, bool] = {}
        self._lock = threading.Lock()

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        [event] = events
        with self._lock:
            self._in_work[event.id] = alone
            self._look()
        if alone or event.id not in self.suspects:
            time.sleep(0.1)
        with self._lock:
            self._look()
            del self._in_work[event.id]
            return super().apply(events, alone=alone)

    def _look(self) -> None:
        if any(self._in_work.values()) and len(self._in_work) > 1:
            self.beside_a_suspect += self._in_work


def test_suspects_of_a_lost_connection_are_left_to_the_next_one(start: Start) -> None:
    """They are redelivered over the next connection, and would be handled twice."""

    class OneIsSlow(Slow):
        def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
            if slow.id in [event.id for event in events]:
                return super().apply(events, alone=alone)
            return FakeEffect.apply(self, events, alone=alone)

    slow, first, second = [a_message() for _ in range(3)]
    broker, effect = FakeBroker(slow), OneIsSlow()
    effect.suspects = {first.id, second.id}
    running = start(broker, effect, concurrency=2, batch=2)
    eventually(lambda: effect.at_once == 1)
    broker.queue.extend([first, second])
    # First together, and then one at a time.
    eventually(lambda: len(effect.batches) == 3)
    broker.lose_link()
    effect.go.set()
    eventually(lambda: broker.ended() == [("ack",)] * 3)
    # The first may have been in progress alone when the connection was lost.
    assert effect.alone.count(second.id) == 1
    eventually(lambda: running.consumer.unsettled == 0)


def test_a_suspect_waits_for_the_end_of_an_outage(start: Start) -> None:
    broker, effect = FakeBroker(a_message()), FakeEffect()
    [message] = broker.queue

    class OnlyAlone(FakeEffect):
        def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
            if alone and outage:
                raise DependencyUnavailable("mail server", "refused")
            return super().apply(events, alone=alone)

    outage, effect = [True], OnlyAlone()
    effect.suspects = {message.id}
    running = start(broker, effect)
    eventually(lambda: running.consumer.why_not_ready() == "mail server is unavailable: refused")
    outage.clear()
    eventually(lambda: broker.ended() == [("ack",)])
    assert effect.alone == [message.id]


def test_a_suspect_returned_by_a_stop_is_no_longer_held(start: Start) -> None:
    class OnlyAlone(FakeEffect):
        def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
            if alone:
                raise DependencyUnavailable("mail server", "refused")
            return super().apply(events, alone=alone)

    broker, effect = FakeBroker(a_message()), OnlyAlone()
    effect.suspects = {broker.queue[0].id}
    running = start(broker, effect)
    eventually(lambda: running.consumer.why_not_ready() == "mail server is unavailable: refused")
    assert running.consumer.unsettled == 1
    running.consumer.stop()
    assert (broker.ended(), running.consumer.unsettled) == ([], 0)


def test_after_a_lost_connection_it_resubscribes_and_events_are_redelivered(
    start: Start,
) -> None:
    broker, effect = FakeBroker(a_message()), Slow()
    running = start(broker, effect)
    eventually(lambda: effect.at_once == 1)
    broker.lose_link()
    effect.go.set()
    eventually(lambda: broker.ended() == [("ack",)])
    assert len(broker.subscriptions) == 2
    assert len(effect.applied) == 1
    eventually(lambda: running.consumer.unsettled == 0)
    assert running.deaths == []


def test_without_its_queues_it_waits_and_reports_that(start: Start) -> None:
    broker = FakeBroker(a_message())
    broker.lacking = ["email_service_queue"]
    running = start(broker, FakeEffect())
    eventually(running.consumer.why_not_ready)
    assert "topology" in str(running.consumer.why_not_ready())
    broker.lacking = []
    eventually(lambda: broker.ended() == [("ack",)])


def test_without_its_database_it_does_not_subscribe(start: Start) -> None:
    def check() -> None:
        if outage:
            raise DatabaseUnavailable("refused")

    outage, broker = [True], FakeBroker(a_message())
    running = start(broker, FakeEffect(), check=check)
    stays(lambda: broker.subscriptions == [] and running.consumer.why_not_ready())
    outage.clear()
    eventually(lambda: broker.ended() == [("ack",)])


def test_a_dead_loop_ends_the_process(start: Start) -> None:
    broker = FakeBroker()
    running = start(broker, FakeEffect())
    broker.failure = RuntimeError("a bug")
    eventually(lambda: running.deaths == ["died"])
    eventually(lambda: running.consumer.why_not_ready() == "the consumer has stopped")


def test_a_dead_worker_ends_the_process(start: Start) -> None:
    broker, effect = FakeBroker(a_message()), FakeEffect()
    effect.errors[broker.queue[0].id] = Death()
    running = start(broker, effect)
    eventually(lambda: running.deaths == ["died"])
    assert broker.ended() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_loop_ends_the_process_even_if_logging_fails(start: Start) -> None:
    broker = FakeBroker()
    with failing_log("consumer.died"):
        running = start(broker, FakeEffect())
        broker.failure = RuntimeError("a bug")
        eventually(lambda: running.deaths == ["died"])
        eventually(lambda: running.consumer.why_not_ready() == "the consumer has stopped")


def test_a_dead_worker_ends_the_process_even_if_logging_fails(start: Start) -> None:
    broker, effect = FakeBroker(a_message()), FakeEffect()
    effect.errors[broker.queue[0].id] = Death()
    with failing_log("worker.died"):
        running = start(broker, effect)
        eventually(lambda: running.deaths == ["died"])
