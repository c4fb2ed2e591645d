"""The report: one sentence, the affected ids, and a JSON document."""

import io
from dataclasses import replace

import msgspec
from rich.console import Console

from orderctl.audit.audit import Options, Result
from orderctl.audit.facts import Answer, SeenEffect, Stock
from orderctl.audit.quiet import BacklogSnapshot, Quiet
from orderctl.audit.report import IDS_SHOWN, document, print_report
from orderctl.audit.sentence import sentence
from orderctl.audit.verdict import NAMED
from tests.unit.orderctl.audit.histories import (
    History,
    an_order,
    done,
    faultless,
    judge,
    with_effects,
)

ORDERS = [an_order(number) for number in range(20)]
HISTORY = faultless(ORDERS)
NOT_STRICT = Options()
STILL = BacklogSnapshot(outbox=0, depths={}, unsettled={"email": 0})


def result(
    evidence: History,
    *,
    reasons: tuple[str, ...] = (),
    last: BacklogSnapshot = STILL,
    options: Options = NOT_STRICT,
) -> Result:
    quiet = Quiet(reached=not reasons, waited=5.0, reasons=reasons, last=last)
    return Result(judge(evidence, quiet=quiet.reached), quiet, options)


def printed(of: Result) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_report(of, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_kept_promise_is_reported_in_one_sentence() -> None:
    assert sentence(result(HISTORY)) == (
        "Every service did its part exactly once for each of 20 accepted orders."
    )


REPEATED = with_effects(HISTORY, "email", *done("email", ORDERS), *done("email", ORDERS[:3]))


def test_with_repeated_mails_the_report_does_not_say_exactly_once() -> None:
    said = result(REPEATED)

    assert sentence(said) == (
        "Every service did its part exactly once for each of 20 accepted orders, except for 3 "
        "emails sent again."
    )
    assert document(said)["verdict"] == "repeated"
    assert (document(said)["exitStatus"], said.audit.repeats) == (0, 3)


def test_the_strict_audit_allows_as_many_repeats_as_there_were_crashes() -> None:
    too_few = result(REPEATED, options=Options(strict=True, crashes=2))
    enough = result(REPEATED, options=Options(strict=True, crashes=3))

    assert sentence(too_few) == (
        "The promise is broken: 1 email sent again without a crash, of 20 accepted orders."
    )
    assert (too_few.exit_status, document(too_few)["verdict"]) == (1, "broken")
    assert sentence(enough) == sentence(result(REPEATED))
    assert (enough.exit_status, document(enough)["verdict"]) == (0, "kept")


def test_a_mail_sent_more_than_twice_is_listed_with_its_count() -> None:
    often = with_effects(HISTORY, "email", *done("email", ORDERS), *done("email", ORDERS[:1]) * 49)

    text = printed(result(often))

    assert "email, sent again with the same Message-ID: event-0 (50 times)" in text


def test_while_work_is_in_progress_the_report_predicts_nothing() -> None:
    moving = result(HISTORY, reasons=("email: 3 ready",))

    assert sentence(moving) == (
        "So far nothing is known to be lost or duplicated, but the work is unfinished: "
        "not quiet yet."
    )


def test_unfinished_orders_with_repeats_are_not_called_exactly_once() -> None:
    dead = replace(REPEATED, dead_letters={"sms": ["event-1"]})
    dead = with_effects(dead, "sms", *done("sms", [ORDERS[0], *ORDERS[2:]]))

    assert sentence(result(dead)) == (
        "Nothing is lost, 3 emails were sent again, and the work is unfinished: 1 effect "
        "dead-lettered."
    )


def test_a_response_with_another_status_breaks_the_promise() -> None:
    failed = replace(an_order(99), status="failed")
    history = replace(HISTORY, orders=[*ORDERS, failed], answers=(Answer("ord-99", status=202),))

    said = result(history)

    assert sentence(said) == (
        "The promise is broken: 1 with another status than the client was told, of 20 accepted "
        "orders."
    )
    assert "with another status than the client was told: ord-99" in printed(said)
    assert document(said)["otherStatus"] == ("ord-99",)


def test_no_orders_are_not_a_success() -> None:
    assert "nothing to compare" in sentence(result(faultless([])))


def test_a_broken_promise_is_reported_with_details() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS[2:]), SeenEffect("stranger"))
    evidence = replace(evidence, answers=(Answer("ord-77"),), stock={"prod-1": Stock(1, 1)})

    text = sentence(result(evidence))

    assert text.startswith(
        "The promise is broken: 1 accepted but not in the database, 2 lost, 1 without"
    )


def test_affected_ids_are_listed_up_to_a_limit() -> None:
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


def test_the_reason_for_no_quiet_time_is_reported() -> None:
    text = printed(result(HISTORY, reasons=("email: 3 ready", "email: SMTP server is unavailable")))

    assert "Not quiet within 120 s: email: 3 ready; email: SMTP server is unavailable." in text


def test_a_consumer_that_is_not_running_is_reported() -> None:
    last = replace(STILL, unsettled={"email": None})

    assert "email is down" in printed(result(HISTORY, last=last))


def test_ids_cannot_inject_terminal_escapes() -> None:
    evil = SeenEffect("\x1b[2Jstranger [bold]")

    text = printed(result(with_effects(HISTORY, "sms", *done("sms", ORDERS), evil)))

    assert "\\x1b[2Jstranger [bold]" in text


def test_the_document_lists_every_id() -> None:
    evidence = with_effects(HISTORY, "sms")
    found = msgspec.json.decode(msgspec.json.encode(document(result(evidence))))

    assert found["verdict"] == "broken"
    assert found["exitStatus"] == 1
    assert found["services"]["sms"]["lost"] == [order.order_id for order in ORDERS]
    assert found["services"]["email"]["applied"] == 20


def test_with_very_many_ids_the_document_lists_the_first_and_counts_all() -> None:
    orders = [an_order(number) for number in range(NAMED + 5)]

    found = document(result(with_effects(faultless(orders), "sms")))["services"]["sms"]

    assert found["lost"] == tuple(order.order_id for order in orders[:NAMED])
    assert found["counts"]["lost"] == NAMED + 5


def test_the_document_shows_balances_that_do_not_add_up() -> None:
    found = document(result(replace(HISTORY, stock={"prod-1": Stock(100, 1)}, moved={})))

    assert found["wrongBalances"] == [
        {"productId": "prod-1", "initial": 100, "moved": 0, "onHand": 1}
    ]
