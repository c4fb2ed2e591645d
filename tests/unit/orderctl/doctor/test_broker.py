"""The doctor's findings about the broker, each caused on a fake one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from orderctl.doctor.checks import check_broker
from orderctl.doctor.finding import Finding, Level
from shared.errors import BrokerForbids, BrokerUnavailable, QueuesMissing
from shared.transport import Depth
from shared.transport.names import dead_letter_queue, work_queue
from tests.unit.orderctl.audit.far_ends import FakeBroker, FarEnds, addresses, json

SECONDS = 3.0


@dataclass
class DoctorBroker(FakeBroker):
    """A broker whose topology can be wrong; `later` are its depths after a while."""

    lacking: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    may_declare: bool = True
    goes_away: bool = False
    later: dict[str, Depth] = field(default_factory=dict)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        if self.is_down:
            raise BrokerUnavailable("refused")
        return self.lacking

    def different(self, services: Sequence[str]) -> Sequence[str]:
        if not self.may_declare:
            raise BrokerForbids("ACCESS_REFUSED")
        if self.goes_away:
            raise BrokerUnavailable("connection reset")
        return self.odd

    def depth(self, service: str) -> Depth:
        depth = super().depth(service)
        if not self.lacking:
            return depth
        both = {work_queue(service): depth.ready, dead_letter_queue(service): depth.dead}
        others = {name: count for name, count in both.items() if name not in self.lacking}
        raise QueuesMissing(self.lacking, others)

    def pass_time(self, seconds: float) -> None:
        assert seconds == SECONDS
        self.depths = {**self.depths, **self.later}


def examine(broker: DoctorBroker, ends: FarEnds) -> dict[str, Finding]:
    where = addresses("email")
    found = check_broker(ends.client(), where, broker, SECONDS, sleep=broker.pass_time)
    return {finding.about: finding for finding in found}


def queue(before: int, after: int, dead: int = 0) -> DoctorBroker:
    return DoctorBroker(
        depths={"email": Depth(before, 0, dead)}, later={"email": Depth(after, 0, dead)}
    )


def test_a_healthy_broker_is_ok() -> None:
    found = examine(queue(0, 0), FarEnds())
    assert {about: finding.level for about, finding in found.items()} == {
        "broker": Level.OK,
        "topology": Level.OK,
        "queue arguments": Level.OK,
        "email backlog": Level.OK,
        "email dead letters": Level.OK,
    }


def test_an_unavailable_broker_is_the_only_finding() -> None:
    [found] = examine(DoctorBroker(is_down=True), FarEnds()).values()
    assert (found.about, found.level, found.saw) == ("broker", Level.PROBLEM, "refused")
    assert "BROKER_URL" in found.next


def test_a_missing_queue_is_reported_with_the_command_to_create_it() -> None:
    found = examine(DoctorBroker(lacking=["email_service_queue.dlq"]), FarEnds())["topology"]
    assert found.level == Level.PROBLEM
    assert found.next.startswith("python -m shared.topology")
    assert "email_service_queue.dlq" in found.saw


@pytest.mark.parametrize(
    ("lacking", "seen"),
    [
        (["email_service_queue.retry.1s"], {"email backlog", "email dead letters"}),
        (["email_service_queue.dlq"], {"email backlog"}),
        (["email_service_queue"], {"email dead letters"}),
        (["email_service_queue", "email_service_queue.dlq"], set()),
    ],
)
def test_a_missing_queue_does_not_hide_other_findings(lacking: list[str], seen: set[str]) -> None:
    broker = queue(4, 2, dead=1)
    broker.lacking = lacking
    found = examine(broker, FarEnds())
    assert found.keys() - {"broker", "topology", "queue arguments"} == seen
    if "email dead letters" in seen:
        assert found["email dead letters"].saw == "1 dead letter"
    if "email backlog" in seen:
        assert found["email backlog"].saw == "4 ready, 2 after 3 s"


def test_a_queue_with_other_arguments_is_reported() -> None:
    found = examine(DoctorBroker(odd=["email_service_queue"]), FarEnds())["queue arguments"]
    assert found.level == Level.PROBLEM
    assert "email_service_queue" in found.saw


def test_a_user_without_the_right_to_declare_gets_a_hint() -> None:
    found = examine(DoctorBroker(may_declare=False), FarEnds())["queue arguments"]
    assert found.level == Level.NOTE
    assert "not compared" in found.saw
    assert "docker compose run --rm topology" in found.next


def test_a_broker_that_fails_during_the_comparison_is_a_warning() -> None:
    found = examine(DoctorBroker(goes_away=True), FarEnds())["queue arguments"]
    assert (found.level, found.saw) == (Level.WARNING, "cannot be compared: connection reset")


@pytest.mark.parametrize("after", [5, 9])
def test_an_idle_consumer_with_a_backlog_is_a_problem(
    after: int,
) -> None:
    found = examine(queue(5, after), FarEnds(unsettled=0))["email backlog"]
    assert found.level == Level.PROBLEM
    assert found.saw == f"running but not consuming: 5 ready, {after} after 3 s"


def test_a_backlog_that_grows_while_the_consumer_works_is_a_warning() -> None:
    found = examine(queue(5, 9), FarEnds(unsettled=1))["email backlog"]
    assert (found.level, found.saw) == (Level.WARNING, "growing: 5 ready, 9 after 3 s")


@pytest.mark.parametrize(("before", "after"), [(9, 5), (9, 0)])
def test_a_falling_backlog_is_ok(before: int, after: int) -> None:
    assert examine(queue(before, after), FarEnds())["email backlog"].level == Level.OK


def test_a_backlog_that_grows_without_a_consumer_is_a_warning() -> None:
    ends = FarEnds(down={"email"})
    assert examine(queue(5, 9), ends)["email backlog"].level == Level.WARNING


def test_a_consumer_that_is_not_ready_is_not_also_reported_as_idle() -> None:
    ends = FarEnds()
    state = {"ready": False, "reason": "SMTP refuses", "unsettled": 0}
    ends.answers["email", "/health/ready"] = lambda _: json(state, 503)
    assert examine(queue(5, 5), ends)["email backlog"].level == Level.OK


def test_dead_letters_are_counted_with_the_command_that_lists_them() -> None:
    found = examine(queue(0, 0, dead=2), FarEnds())["email dead letters"]
    assert (found.level, found.saw) == (Level.WARNING, "2 dead letters")
    assert found.next.endswith("-m orderctl dlq list email")
