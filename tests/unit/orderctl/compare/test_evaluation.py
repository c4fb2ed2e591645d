"""The reported figures, computed from the audit's verdicts and the measured times."""

from datetime import UTC, datetime, timedelta

from orderctl.audit.verdict import Verdict
from orderctl.compare.customers import CustomerAnswer
from orderctl.compare.evaluation import Fate, Fates, scenario_result
from orderctl.compare.results import Mode, ModeResult, Moment
from orderctl.compare.runner import ObservedRun
from orderctl.compare.scenarios import Scenario

BEGAN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SCENARIO = Scenario("healthy", "All is well", "Nothing happens.", [0.0, 1.0], 1.0)
DONE = dict.fromkeys(("email", "sms"), 1)
ALL_WELL = Fate(DONE, frozenset([Verdict.APPLIED]))


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def answer(order_id: str | None, status: int | None, *, due: float = 0.0) -> CustomerAnswer:
    """A response after a hundredth of a second."""
    return CustomerAnswer(at(due), at(due + 0.01), 0.01, status, order_id)


def noted(**services: dict[str, Verdict | None]) -> dict[str, Fate]:
    fates = Fates()
    for service, given in services.items():
        for order_id, verdict in given.items():
            fates.note(order_id, service, verdict)
    return fates.by_order


def result(
    *answers: CustomerAnswer,
    known: dict[str, Fate] | None = None,
    mode: Mode = "async",
    **done: dict[str, datetime],
) -> ModeResult:
    run = ObservedRun(SCENARIO, mode, BEGAN, answers, [], done or {"email": {}})
    return scenario_result([run], known or {}).modes[0]


def test_an_order_has_the_effects_found_downstream() -> None:
    known = noted(
        email={"ord-1": Verdict.APPLIED, "ord-2": Verdict.LOST, "ord-3": Verdict.DUPLICATED},
        sms={"ord-1": Verdict.APPLIED, "ord-2": Verdict.APPLIED, "ord-3": Verdict.WAITING},
    )
    assert {id: dict(fate.effects) for id, fate in known.items()} == {
        "ord-1": {"email": 1, "sms": 1},
        "ord-2": {"email": 0, "sms": 1},
        "ord-3": {"email": 2, "sms": 0},
    }
    assert known["ord-2"].verdicts == {Verdict.LOST, Verdict.APPLIED}


def test_a_half_done_order_has_its_services_and_duplicates() -> None:
    known = noted(email={"ord-1": None}, sms={"ord-1": Verdict.DUPLICATED})
    assert known == {"ord-1": Fate({"email": 1, "sms": 2}, frozenset([Verdict.DUPLICATED]))}


def test_a_response_without_a_row_is_a_lost_order() -> None:
    found = result(answer("ord-1", 202), known={})
    assert (found.lost, found.success.part) == (1, 1)


def test_placed_depends_on_the_customers_response() -> None:
    answers = [answer("a", 202), answer("b", 201), answer("c", 502), answer(None, 503)]
    found = result(*answers, answer(None, None), known=dict.fromkeys("ab", ALL_WELL))
    assert (found.success.part, found.success.of) == (2, 5)
    assert found.response
    assert found.failed_after
    # A customer without any response has no time.
    assert (found.response.n, found.failed_after.n) == (2, 2)


def test_a_failed_order_with_an_effect_is_half_done_and_its_mail_is_counted() -> None:
    known = {"a": Fate({"email": 1}), "b": Fate({"sms": 1}), "c": Fate({})}
    found = result(*(answer(name, 502) for name in "abc"), known=known, mode="sync")
    assert (found.half_done, found.mails_for_failed, found.lost) == (2, 1, 0)


def test_lost_dead_lettered_and_duplicated_are_counted_separately() -> None:
    known = {
        "a": Fate({"email": 0}, frozenset([Verdict.LOST])),
        "b": Fate({"email": 0}, frozenset([Verdict.DEAD_LETTERED])),
        "c": Fate({"email": 2, "sms": 2}, frozenset([Verdict.DUPLICATED])),
        "d": ALL_WELL,
    }
    found = result(*(answer(name, 202) for name in "abcd"), known=known)
    assert (found.lost, found.dead_lettered, found.twice, found.half_done) == (1, 1, 2, 0)


def test_an_order_is_visible_when_the_last_service_has_applied_it() -> None:
    found = result(
        answer("a", 202, due=1.0),
        answer("b", 202),
        known=dict.fromkeys("ab", ALL_WELL),
        email={"a": at(4.5), "b": at(2)},
        sms={"a": at(3)},
    )
    assert [order.visible for order in found.orders] == [3.5, None]
    assert found.visible
    assert (found.visible.n, found.visible.max) == (1, 3.5)


def test_the_backlog_is_accepted_orders_that_are_not_done() -> None:
    run = ObservedRun(
        SCENARIO,
        "async",
        BEGAN,
        [answer("a", 202), answer("b", 202, due=0.5), answer("c", 502)],
        [Moment(0.0, "email goes down")],
        {"email": {"a": at(0.75), "b": at(0.85), "of another run": at(90)}, "sms": {"a": at(0.35)}},
    )
    [line] = scenario_result([run], dict.fromkeys("ab", ALL_WELL)).runs
    assert [sample.at for sample in line.samples] == [round(n / 10, 1) for n in range(10)]
    assert [sample.waiting["email"] for sample in line.samples] == [0, 1, 1, 1, 1, 1, 2, 2, 1, 0]
    # SMS never applies the second order.
    assert [sample.waiting["sms"] for sample in line.samples] == [0, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    assert line.moments == (Moment(0.0, "email goes down"),)


def test_synchronous_orders_wait_in_no_queue() -> None:
    run = ObservedRun(SCENARIO, "sync", BEGAN, [answer("a", 201)], [], {"email": {"a": at(1)}})
    assert scenario_result([run], {"a": ALL_WELL}).runs[0].samples == ()
