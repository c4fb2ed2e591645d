"""Injected faults: how they are stored, and their effect on the work."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from sqlalchemy import Engine, MetaData

from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.errors import DependencyUnavailable, FaultRefused, InjectedFailure
from shared.faults.injection import FaultInjector, FaultyEffect
from shared.faults.latency import LONGEST_SECONDS, parse_latency
from shared.faults.shapes import Kind
from shared.faults.store import CACHE_SECONDS, Faults, faults_table
from tests.builders import an_event
from tests.fakes import Death, FakeEffect, in_threads

metadata = MetaData()
table = faults_table(metadata)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    create_schema(made, metadata)
    yield made
    made.dispose()


Replica = Callable[..., Faults]


@pytest.fixture
def replica(engine: Engine, clock: Clock) -> Replica:
    """Creates the faults of another process; all share one database."""
    return lambda *, allowed=True: Faults(engine, table, allowed=allowed, clock=clock)


def die() -> None:
    raise Death


def test_every_replica_sees_a_fault_shortly_afterwards(replica: Replica, clock: Clock) -> None:
    one, other = replica(), replica()
    assert not other.now()
    one.put({Kind.OUTAGE: "on"})
    assert Kind.OUTAGE in one.now()
    clock.now += CACHE_SECONDS + 0.001
    assert Kind.OUTAGE in other.now()
    one.clear()
    clock.now += CACHE_SECONDS + 0.001
    assert not other.now()


def test_a_fault_with_a_duration_ends_by_itself(replica: Replica, clock: Clock) -> None:
    faults = replica()
    faults.put({Kind.LATENCY: "2"}, seconds=30)
    clock.now += 29.9
    assert faults.now()[Kind.LATENCY].value == "2"
    clock.now += 0.1
    assert not faults.now()
    assert not faults.read()


def test_the_latest_fault_of_a_kind_applies(replica: Replica) -> None:
    faults = replica()
    faults.put({Kind.LATENCY: "2", Kind.FAILURES: "0.5"}, seconds=30)
    faults.put({Kind.LATENCY: "1"})
    assert [(fault.kind, fault.value) for fault in faults.read()] == [
        (Kind.FAILURES, "0.5"),
        (Kind.LATENCY, "1"),
    ]
    assert faults.now()[Kind.LATENCY].until is None


def test_without_fault_injection_stored_faults_have_no_effect(replica: Replica) -> None:
    replica().put({Kind.OUTAGE: "on"})
    assert not replica(allowed=False).now()


def test_only_one_of_many_replicas_crashes(replica: Replica) -> None:
    replica().put({Kind.CRASH: "before"})
    taken = in_threads(6, lambda: replica().take(Kind.CRASH, "before"))
    assert sorted(taken) == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("text", "mean"),
    [("2", 2.0), ("uniform:1,3", 2.0), ("exponential:2", 2.0), ("normal:2,0.5", 2)],
)
def test_latency_follows_its_distribution(text: str, mean: float) -> None:
    latency, rng = parse_latency(text), Random(4)
    draws = [latency.draw(rng) for _ in range(20_000)]
    assert sum(draws) / len(draws) == pytest.approx(mean, rel=0.03)
    assert 0 <= min(draws) <= max(draws) <= LONGEST_SECONDS
    assert (min(draws) == max(draws)) is (text == "2")


def test_latency_is_never_negative_and_limited() -> None:
    rng = Random(4)
    assert min(parse_latency("normal:0,9").draw(rng) for _ in range(100)) == 0
    assert max(parse_latency("exponential:60").draw(rng) for _ in range(1000)) == LONGEST_SECONDS


@pytest.mark.parametrize(
    "text", ["", "-1", "fast", "61", "uniform:1", "exponential:1,2", "1e3", "1\n"]
)
def test_an_invalid_latency_is_refused(text: str) -> None:
    with pytest.raises(FaultRefused):
        parse_latency(text)


class Scene:
    """An effect with injected faults; `slept` records the delays in seconds."""

    def __init__(self, faults: Faults) -> None:
        self.slept: list[float] = []
        self.inner = FakeEffect()
        self.faults = faults
        injector = FaultInjector(faults, rng=Random(4), sleep=self.slept.append, die=die)
        self.effect = FaultyEffect(self.inner, injector)

    def applies(self) -> bool:
        event = an_event()
        return event.id in self.effect.apply([event]).now


@pytest.fixture
def scene(replica: Replica) -> Scene:
    return Scene(replica())


def test_without_faults_the_effect_is_unchanged(scene: Scene) -> None:
    assert scene.applies()
    assert scene.slept == []


def test_latency_comes_before_the_work(scene: Scene) -> None:
    scene.faults.put({Kind.LATENCY: "1.5"})
    assert scene.applies()
    assert scene.slept == [1.5]


def test_a_share_of_the_work_fails_and_leaves_nothing_behind(scene: Scene) -> None:
    scene.faults.put({Kind.FAILURES: "0.2"})
    failed = 0
    for _ in range(1000):
        try:
            scene.applies()
        except InjectedFailure:
            failed += 1
    assert failed == pytest.approx(200, abs=40)
    assert len(scene.inner.applied) == 1000 - failed


def test_an_outage_raises_dependency_unavailable(scene: Scene) -> None:
    scene.faults.put({Kind.OUTAGE: "on"})
    with pytest.raises(DependencyUnavailable, match="an injected outage"):
        scene.applies()
    assert scene.inner.applied == []
    scene.faults.clear()
    assert scene.applies()


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("after", 1)])
def test_a_crash_happens_once_before_or_after_the_effect(
    scene: Scene, when: str, applied: int
) -> None:
    scene.faults.put({Kind.CRASH: when})
    with pytest.raises(Death):
        scene.applies()
    assert len(scene.inner.applied) == applied
    assert scene.applies()
    assert not scene.faults.read()
