"""The report: one sentence, the ids concerned, and all of it as JSON."""

import io
from dataclasses import replace

import msgspec
from rich.console import Console

from orderctl.audit import Options, Result
from orderctl.audit_facts import Answer, Effect, Stock
from orderctl.audit_quiet import Quiet, Snapshot
from orderctl.audit_report import IDS_SHOWN, document, print_report, sentence
from tests.unit.audit_histories import History, an_order, done, faultless, judge, with_effects

ORDERS = [an_order(number) for number in range(20)]
HISTORY = faultless(ORDERS)
STILL = Snapshot(outbox=0, depths={}, unsettled={"email": 0})


def result(evidence: History, *, reasons: tuple[str, ...] = (), last: Snapshot = STILL) -> Result:
    quiet = Quiet(reached=not reasons, waited=5.0, reasons=reasons, last=last)
    return Result(judge(evidence, quiet=quiet.reached), quiet, Options())


def printed(of: Result) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_report(of, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_kept_promise_is_said_in_one_sentence() -> None:
    assert sentence(result(HISTORY)) == (
        "Every service did its part exactly once for each of 20 accepted orders."
    )


def test_no_orders_are_no_success() -> None:
    assert "nothing to compare" in sentence(result(faultless([])))


def test_a_broken_promise_says_how() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS[2:]), Effect("stranger"))
    evidence = replace(evidence, answers=(Answer("ord-77"),), stock={"prod-1": Stock(1, 1)})

    text = sentence(result(evidence))

    assert text.startswith("The promise is broken: 1 answered 202 without a row, 2 lost, 1 without")


def test_the_ids_concerned_are_named_up_to_a_bound() -> None:
    text = printed(result(with_effects(HISTORY, "sms")))

    assert "ord-0, ord-1" in text
    assert f"ord-{IDS_SHOWN}," not in text
    assert f"and {len(ORDERS) - IDS_SHOWN} more" in text


def test_the_table_fits_an_ordinary_terminal() -> None:
    lines = printed(result(HISTORY)).splitlines()

    assert lines[0].split() == [
        *("service", "applied", "waiting", "dead-lettered", "lost", "duplicated", "wrong"),
        "orphans",
    ]


def test_what_was_not_quiet_is_said() -> None:
    text = printed(result(HISTORY, reasons=("email: 3 ready", "email: SMTP server is away")))

    assert "Not quiet within 120 s: email: 3 ready; email: SMTP server is away." in text


def test_a_consumer_that_does_not_run_is_said() -> None:
    last = replace(STILL, unsettled={"email": None})

    assert "email does not answer" in printed(result(HISTORY, last=last))


def test_ids_cannot_steer_a_terminal() -> None:
    evil = Effect("\x1b[2Jstranger [bold]")

    text = printed(result(with_effects(HISTORY, "sms", *done("sms", ORDERS), evil)))

    assert "\\x1b[2Jstranger [bold]" in text


def test_the_document_names_every_id() -> None:
    evidence = with_effects(HISTORY, "sms")
    found = msgspec.json.decode(msgspec.json.encode(document(result(evidence))))

    assert found["verdict"] == "broken"
    assert found["exitStatus"] == 1
    assert found["services"]["sms"]["lost"] == [order.order_id for order in ORDERS]
    assert found["services"]["email"]["applied"] == 20


def test_the_document_shows_balances_that_do_not_add_up() -> None:
    found = document(result(replace(HISTORY, stock={"prod-1": Stock(100, 1)}, moved={})))

    assert found["wrongBalances"] == [
        {"productId": "prod-1", "initial": 100, "moved": 0, "onHand": 1}
    ]
