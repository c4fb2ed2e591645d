"""Nothing is judged before a quiet time, and the report says what kept it from coming."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from orderctl.audit.audit import Options, collect_quietly
from orderctl.audit.quiet import BacklogSnapshot, Quiet, QuietTime, wait_until_quiet
from orderctl.errors import EvidenceUnreadable
from shared.transport import Depth

LADDER = (1.0, 30.0)
STILL = BacklogSnapshot(outbox=0, depths={"email": Depth(0, 0, 3)}, unsettled={"email": 0})
IN_OUTBOX = replace(STILL, outbox=2)
RUNNING = replace(STILL, running=1)
IN_QUEUE = replace(STILL, depths={"email": Depth(1, 0, 0)})
ON_LADDER = replace(STILL, depths={"email": Depth(0, 1, 0)})
IN_HAND = replace(STILL, unsettled={"email": 1})


class World:
    """A clock that advances when somebody sleeps, and what is to be seen at which second."""

    def __init__(self, *timeline: tuple[float, BacklogSnapshot | Exception]) -> None:
        self.now = 0.0
        self._timeline = timeline

    def look(self) -> BacklogSnapshot:
        seen = [what for since, what in self._timeline if since <= self.now][-1]
        if isinstance(seen, Exception):
            raise seen
        return seen

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, *, quiet: float | None = None, timeout: float = 120.0) -> Quiet:
        return wait_until_quiet(
            self.look,
            QuietTime(quiet, LADDER),
            timeout=timeout,
            clock=self.clock,
            sleep=self.sleep,
        )


def test_five_seconds_without_movement_are_quiet() -> None:
    quiet = World((0, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(5.0, abs=0.3)


@pytest.mark.parametrize("moving", [IN_OUTBOX, RUNNING, IN_QUEUE, IN_HAND])
def test_the_time_begins_when_the_last_thing_has_stopped(moving: BacklogSnapshot) -> None:
    quiet = World((0, STILL), (3, moving), (4, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(9.0, abs=0.5)


def test_once_the_ladder_was_in_use_the_longest_rung_is_added() -> None:
    quiet = World((0, ON_LADDER), (1, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(1 + 30 + 5, abs=0.5)


def test_a_given_quiet_time_is_the_whole_of_it() -> None:
    quiet = World((0, ON_LADDER), (1, STILL)).wait(quiet=2.0)

    assert quiet.reached
    assert quiet.waited == pytest.approx(3.0, abs=0.5)


def test_a_new_order_ends_a_quiet_time_even_when_it_was_never_seen_moving() -> None:
    quiet = World((0, STILL), (4, replace(STILL, newest_order="ord-2"))).wait()

    assert quiet.waited == pytest.approx(9.0, abs=0.5)


@pytest.mark.parametrize(
    ("moving", "reason"),
    [
        (IN_OUTBOX, "2 orders in the outbox"),
        (RUNNING, "1 synchronous order in progress"),
        (IN_QUEUE, "email: 1 ready"),
        (ON_LADDER, "email: 1 waiting for a retry"),
        (IN_HAND, "email: 1 in flight"),
    ],
)
def test_what_still_moves_at_the_timeout_is_named(moving: BacklogSnapshot, reason: str) -> None:
    trouble = "email: SMTP server is away"

    quiet = World((0, replace(moving, problems=(trouble,)))).wait(timeout=10.0)

    assert not quiet.reached
    assert quiet.reasons == (reason, trouble)


def test_a_quiet_time_that_was_cut_short_says_how_long_it_was() -> None:
    quiet = World((0, IN_QUEUE), (8, STILL)).wait(timeout=10.0)

    assert not quiet.reached
    assert quiet.reasons[0].startswith("quiet for")


def test_with_no_time_to_wait_things_are_looked_at_once() -> None:
    quiet = World((0, STILL)).wait(timeout=0.0)

    assert (quiet.reached, quiet.waited) == (False, 0.0)


def test_nothing_is_waited_for_when_nothing_can_be_seen() -> None:
    with pytest.raises(EvidenceUnreadable):
        World((0, EvidenceUnreadable("order does not answer"))).wait()


def test_a_moment_in_which_nothing_could_be_seen_is_not_quiet() -> None:
    away = EvidenceUnreadable("order does not answer")

    quiet = World((0, STILL), (3, away), (4, STILL)).wait()

    assert quiet.waited == pytest.approx(9.0, abs=0.5)


def test_what_cannot_be_seen_at_the_timeout_is_the_reason() -> None:
    quiet = World((0, STILL), (1, EvidenceUnreadable("order does not answer"))).wait(timeout=9.0)

    assert quiet.reasons == ("order does not answer",)


def test_a_consumer_that_does_not_run_holds_nothing() -> None:
    quiet = World((0, replace(STILL, unsettled={"email": None}))).wait()

    assert quiet.reached
    assert quiet.last.not_running == ("email",)


def collecting(world: World, collect: Callable[[], str], timeout: float) -> Quiet:
    quiet, _ = collect_quietly(
        world.look,
        collect,
        Options(timeout=timeout),
        ladder=LADDER,
        clock=world.clock,
        sleep=world.sleep,
    )
    return quiet


def slow_collector(world: World, calls: list[float]) -> Callable[[], str]:
    def collect() -> str:
        calls.append(world.now)
        world.now += 2.0
        return "what is there"

    return collect


def test_evidence_that_was_read_while_an_order_came_is_read_again() -> None:
    world = World((0, STILL), (6, replace(STILL, newest_order="ord-2")))
    calls: list[float] = []

    quiet = collecting(world, slow_collector(world, calls), timeout=60.0)

    assert quiet.reached
    assert len(calls) == 2


def test_evidence_that_never_stands_still_is_not_quiet() -> None:
    arrivals: Sequence[tuple[float, BacklogSnapshot]] = [
        (second, replace(STILL, newest_order=f"ord-{second}")) for second in range(0, 60, 6)
    ]
    world = World(*arrivals)
    calls: list[float] = []

    quiet = collecting(world, slow_collector(world, calls), timeout=5.5)

    assert not quiet.reached
    assert quiet.reasons


def test_who_has_seen_enough_need_not_wait_for_quiet() -> None:
    world = World((0, IN_QUEUE))
    ended = wait_until_quiet(
        world.look,
        QuietTime(None, LADDER),
        timeout=120.0,
        is_enough=lambda: world.now >= 3.0,
        clock=world.clock,
        sleep=world.sleep,
    )
    assert not ended.reached
    assert ended.waited == pytest.approx(3.0, abs=0.3)


def test_a_quiet_time_of_nothing_takes_one_look_in_which_nothing_moves() -> None:
    assert World((0, STILL)).wait(quiet=0.0).waited == 0.0
    assert World((0, IN_QUEUE), (3, STILL)).wait(quiet=0.0).waited == pytest.approx(3.0, abs=0.3)
