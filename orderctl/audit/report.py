"""The audit's report: complete as JSON, abridged as text."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from orderctl.audit.audit import Result
from orderctl.audit.sentence import BROKEN, KEPT, REPEATED, UNFINISHED, sentence, verdict_of
from orderctl.audit.verdict import NAMED, Audit, Balance, HalfDone, ServiceAudit, Some, Verdict
from orderctl.output import command, printable, table

#: The most ids of a kind in the text report; --json has more.
IDS_SHOWN = 10

STYLES = {
    KEPT: "bold green",
    REPEATED: "bold yellow",
    UNFINISHED: "bold yellow",
    BROKEN: "bold red",
}


def print_report(result: Result, console: Console) -> None:
    audit = result.audit
    console.print(_services_table(audit))
    for title, named in _lists(audit):
        console.print(Text(f"{title}: {_shown(named)}"))
    for line in _remarks(result):
        console.print(Text(printable(line)))
    console.print(Text(sentence(result), style=STYLES[verdict_of(result)]))


def _services_table(audit: Audit) -> Any:
    # The column is shown only if a service joined late.
    shown = [each for each in Verdict if each is not Verdict.EARLIER or audit.count(each)]
    columns = [*(str(verdict) for verdict in shown), "orphans"]
    made = table("service", *columns, numbers=tuple(columns))
    for service in audit.services:
        numbers = [service.count(verdict) for verdict in shown]
        numbers.append(service.orphans.count)
        made.add_row(service.service, *(f"{number:,}" if number else "-" for number in numbers))
    return made


def _lists(audit: Audit) -> Iterator[tuple[str, Some[str]]]:
    """The ids of all remarkable orders and effects, by category."""
    if audit.without_row.count:
        yield "accepted but not in the database", audit.without_row
    if audit.other_status.count:
        yield "with another status than the client was told", audit.other_status
    if audit.half_done.count:
        yield "half done", audit.half_done.each(_half_done_line)
    for service in audit.services:
        yield from _lists_of(service)
    if audit.wrong_balances:
        yield "stock balance", Some.of(_balance_line(balance) for balance in audit.wrong_balances)


def _lists_of(service: ServiceAudit) -> Iterator[tuple[str, Some[str]]]:
    for verdict in list(Verdict)[1:]:
        if verdict in service.verdicts:
            yield f"{service.service}, {verdict}", service.verdicts[verdict]
    others = {
        "without an order": service.orphans,
        "sent again with the same Message-ID": service.resent.each(_resent_line),
        "resent on purpose": service.resent_on_purpose,
        "other dead letters": service.other_dead_letters,
    }
    for what, named in others.items():
        if named.count:
            yield f"{service.service}, {what}", named


def _shown(named: Some[str]) -> str:
    shown = ", ".join(printable(id) for id in named.first[:IDS_SHOWN])
    rest = named.count - IDS_SHOWN
    return f"{shown} and {rest:,} more (--json lists {NAMED:,})" if rest > 0 else shown


def _resent_line(resent: tuple[str, int]) -> str:
    event_id, times = resent
    return event_id if times == 2 else f"{event_id} ({times:,} times)"


def _balance_line(balance: Balance) -> str:
    if balance.stock is None:
        return f"{balance.product_id} moved {balance.moved} and is not stocked"
    stock = balance.stock
    return f"{balance.product_id} had {stock.initial}, moved {balance.moved}, has {stock.on_hand}"


def _half_done_line(order: HalfDone) -> str:
    services = " and ".join(order.done) or "no service"
    return f"{order.order_id} ({order.status}, applied by {services})"


def _remarks(result: Result) -> Iterator[str]:
    if not result.quiet.reached:
        yield f"Not quiet within {result.options.timeout:g} s: {'; '.join(result.quiet.reasons)}."
    for name in result.quiet.last.not_running:
        yield f"{name} is down: its unacknowledged messages count as waiting in its queue."
    for service in result.audit.services:
        if service.count(Verdict.EARLIER):
            replay = command(f"replay {service.service} --from beginning")
            yield f"To apply the orders from before {service.service} joined: {replay}"
    if result.audit.count(Verdict.DEAD_LETTERED):
        yield f"To see the dead letters: {command('dlq list')}; to retry them: dlq redrive"


def document(result: Result) -> dict[str, Any]:
    """The complete report, with the first ids of each kind and all counts."""
    audit, quiet = result.audit, result.quiet
    return {
        "verdict": verdict_of(result),
        "sentence": sentence(result),
        "strict": result.options.strict,
        "crashes": result.options.crashes,
        "exitStatus": result.exit_status,
        "quiet": {
            "reached": quiet.reached,
            "waitedSeconds": round(quiet.waited, 1),
            "reasons": quiet.reasons,
            "notRunning": quiet.last.not_running,
        },
        "accepted": audit.accepted,
        "completed": audit.completed,
        "halfDone": [_half_done_document(order) for order in audit.half_done.first],
        "answered": audit.answered,
        "withoutRow": audit.without_row.first,
        "otherStatus": audit.other_status.first,
        "counts": {
            "halfDone": audit.half_done.count,
            "withoutRow": audit.without_row.count,
            "otherStatus": audit.other_status.count,
        },
        "services": {service.service: _service_document(service) for service in audit.services},
        "wrongBalances": None
        if audit.wrong_balances is None
        else [_balance_document(balance) for balance in audit.wrong_balances],
    }


def _half_done_document(order: HalfDone) -> dict[str, Any]:
    return {"orderId": order.order_id, "status": order.status, "doneBy": order.done}


def _service_document(service: ServiceAudit) -> dict[str, Any]:
    lists: dict[str, Some[Any]] = {
        "waiting": service.named(Verdict.WAITING),
        "deadLettered": service.named(Verdict.DEAD_LETTERED),
        "lost": service.named(Verdict.LOST),
        "earlier": service.named(Verdict.EARLIER),
        "duplicated": service.named(Verdict.DUPLICATED),
        "wrong": service.named(Verdict.WRONG),
        "orphans": service.orphans,
        "resent": service.resent.each(lambda resent: resent[0]),
        "resentOnPurpose": service.resent_on_purpose,
        "otherDeadLetters": service.other_dead_letters,
    }
    return {
        "applied": service.count(Verdict.APPLIED),
        **{name: named.first for name, named in lists.items()},
        "repeats": service.repeats,
        "counts": {name: named.count for name, named in lists.items()},
    }


def _balance_document(balance: Balance) -> dict[str, Any]:
    stock = balance.stock
    return {
        "productId": balance.product_id,
        "initial": stock and stock.initial,
        "moved": balance.moved,
        "onHand": stock and stock.on_hand,
    }
