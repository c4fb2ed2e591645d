"""The audit waits for a quiet time before its verdict, and reports what prevented it."""

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


class Timeline:
    """A clock that advances on sleep, and the state at each second."""

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


def test_five_seconds_without_changes_are_quiet() -> None:
    quiet = Timeline((0, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(5.0, abs=0.3)


@pytest.mark.parametrize("moving", [IN_OUTBOX, RUNNING, IN_QUEUE, IN_HAND])
def test_the_quiet_time_begins_after_the_last_change(moving: BacklogSnapshot) -> None:
    quiet = Timeline((0, STILL), (3, moving), (4, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(9.0, abs=0.5)


def test_after_a_retry_the_longest_rung_is_added() -> None:
    quiet = Timeline((0, ON_LADDER), (1, STILL)).wait()

    assert quiet.reached
    assert quiet.waited == pytest.approx(1 + 30 + 5, abs=0.5)


def test_an_explicit_quiet_time_is_not_extended() -> None:
    quiet = Timeline((0, ON_LADDER), (1, STILL)).wait(quiet=2.0)

    assert quiet.reached
    assert quiet.waited == pytest.approx(3.0, abs=0.5)


def test_a_new_order_restarts_the_quiet_time_even_if_already_applied() -> None:
    quiet = Timeline((0, STILL), (4, replace(STILL, newest_order="ord-2"))).wait()

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
def test_work_still_in_progress_at_the_timeout_is_reported(
    moving: BacklogSnapshot, reason: str
) -> None:
    trouble = "email: SMTP server is unavailable"

    quiet = Timeline((0, replace(moving, problems=(trouble,)))).wait(timeout=10.0)

    assert not quiet.reached
    assert quiet.reasons == (reason, trouble)


def test_an_incomplete_quiet_time_is_reported_with_its_length() -> None:
    quiet = Timeline((0, IN_QUEUE), (8, STILL)).wait(timeout=10.0)

    assert not quiet.reached
    assert quiet.reasons[0].startswith("quiet for")


def test_with_timeout_0_there_is_one_probe() -> None:
    quiet = Timeline((0, STILL)).wait(timeout=0.0)

    assert (quiet.reached, quiet.waited) == (False, 0.0)


def test_there_is_no_wait_when_nothing_can_be_probed() -> None:
    with pytest.raises(EvidenceUnreadable):
        Timeline((0, EvidenceUnreadable("order does not answer"))).wait()


def test_a_failed_probe_is_not_quiet() -> None:
    unreadable = EvidenceUnreadable("order does not answer")

    quiet = Timeline((0, STILL), (3, unreadable), (4, STILL)).wait()

    assert quiet.waited == pytest.approx(9.0, abs=0.5)


def test_a_failed_probe_at_the_timeout_is_the_reason() -> None:
    quiet = Timeline((0, STILL), (1, EvidenceUnreadable("order does not answer"))).wait(timeout=9.0)

    assert quiet.reasons == ("order does not answer",)


def test_a_consumer_that_is_not_running_holds_nothing() -> None:
    quiet = Timeline((0, replace(STILL, unsettled={"email": None}))).wait()

    assert quiet.reached
    assert quiet.last.not_running == ("email",)


def collecting(world: Timeline, collect: Callable[[], str], timeout: float) -> Quiet:
    quiet, _ = collect_quietly(
        world.look,
        collect,
        Options(timeout=timeout),
        ladder=LADDER,
        clock=world.clock,
        sleep=world.sleep,
    )
    return quiet


def slow_collector(world: Timeline, calls: list[float]) -> Callable[[], str]:
    def collect() -> str:
        calls.append(world.now)
        world.now += 2.0
        return "what is there"

    return collect


def test_evidence_is_read_again_when_an_order_arrives_meanwhile() -> None:
    world = Timeline((0, STILL), (6, replace(STILL, newest_order="ord-2")))
    calls: list[float] = []

    quiet = collecting(world, slow_collector(world, calls), timeout=60.0)

    assert quiet.reached
    assert len(calls) == 2


def test_evidence_that_keeps_changing_is_not_quiet() -> None:
    arrivals: Sequence[tuple[float, BacklogSnapshot]] = [
        (second, replace(STILL, newest_order=f"ord-{second}")) for second in range(0, 60, 6)
    ]
    world = Timeline(*arrivals)
    calls: list[float] = []

    quiet = collecting(world, slow_collector(world, calls), timeout=5.5)

    assert not quiet.reached
    assert quiet.reasons


def test_the_wait_ends_early_once_enough_is_done() -> None:
    world = Timeline((0, IN_QUEUE))
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


def test_a_quiet_time_of_0_takes_one_probe_without_changes() -> None:
    assert Timeline((0, STILL)).wait(quiet=0.0).waited == 0.0
    assert Timeline((0, IN_QUEUE), (3, STILL)).wait(quiet=0.0).waited == pytest.approx(3.0, abs=0.3)
