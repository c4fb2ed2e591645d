"""The audit's report: the whole of it as JSON, and what matters of it for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from orderctl.audit import Result
from orderctl.audit_verdict import Audit, Balance, HalfDone, ServiceAudit, Verdict
from orderctl.output import command, count, printable, table

#: The human report names so many ids of a kind; --json names all of them.
IDS_SHOWN = 10


def sentence(result: Result) -> str:
    """The verdict in one plain sentence."""
    audit, orders = result.audit, _orders(result.audit)
    if audit.is_bad:
        return f"The promise is broken: {', '.join(_faults(audit))}, of {orders}."
    if audit.is_unfinished:
        return f"Nothing is lost or duplicated, but not all is done: {', '.join(_open(result))}."
    if not audit.accepted + audit.completed:
        return "No order has been accepted yet, so there is nothing to compare."
    if earlier := audit.count(Verdict.EARLIER):
        placed = "was" if earlier == 1 else "were"
        return (
            f"Every service did its part exactly once for each of {orders}, but for {earlier:,} "
            f"that {placed} placed before a service joined."
        )
    return f"Every service did its part exactly once for each of {orders}."


def _orders(audit: Audit) -> str:
    """Of those whose clients were promised something."""
    kinds = {"accepted": audit.accepted, "completed": audit.completed}
    named = [count(number, f"{kind} order") for kind, number in kinds.items() if number]
    return " and ".join(named) or "0 accepted orders"


def _faults(audit: Audit) -> Iterator[str]:
    faults = {
        "answered 202 without a row": len(audit.without_row),
        "lost": audit.count(Verdict.LOST),
        "duplicated": audit.count(Verdict.DUPLICATED),
        "wrong": audit.count(Verdict.WRONG),
        "without an order": audit.orphans,
        "wrong in the stock balance": len(audit.wrong_balances or ()),
    }
    return (f"{number:,} {what}" for what, number in faults.items() if number)


def _open(result: Result) -> Iterator[str]:
    audit = result.audit
    for verdict in (Verdict.WAITING, Verdict.DEAD_LETTERED):
        if number := audit.count(verdict):
            yield f"{count(number, 'effect')} {verdict}"
    if not result.quiet.reached:
        yield "it was not quiet"
    if audit.wrong_balances is None:
        yield "the stock moved while it was compared"


def print_report(result: Result, console: Console) -> None:
    audit = result.audit
    console.print(_services_table(audit))
    for title, ids in _lists(audit):
        console.print(Text(f"{title}: {_some(ids)}"))
    for line in _remarks(result):
        console.print(Text(printable(line)))
    style = "bold red" if audit.is_bad else "bold yellow" if audit.is_unfinished else "bold green"
    console.print(Text(sentence(result), style=style))


def _services_table(audit: Audit) -> Any:
    # Only where somebody joined late is there anything to say about that.
    shown = [each for each in Verdict if each is not Verdict.EARLIER or audit.count(each)]
    columns = [*(str(verdict) for verdict in shown), "orphans"]
    made = table("service", *columns, numbers=tuple(columns))
    for service in audit.services:
        numbers = [len(service.orders(verdict)) for verdict in shown]
        numbers.append(len(service.orphans))
        made.add_row(service.service, *(f"{number:,}" if number else "-" for number in numbers))
    return made


def _lists(audit: Audit) -> Iterator[tuple[str, Sequence[str]]]:
    """The ids concerned, by what is the matter with them."""
    if audit.without_row:
        yield "answered 202 without a row", audit.without_row
    if audit.half_done:
        yield "half done", [_half_done_line(order) for order in audit.half_done]
    for service in audit.services:
        yield from _lists_of(service)
    if audit.wrong_balances:
        yield "stock balance", [_balance_line(balance) for balance in audit.wrong_balances]


def _lists_of(service: ServiceAudit) -> Iterator[tuple[str, Sequence[str]]]:
    for verdict in list(Verdict)[1:]:
        if ids := service.orders(verdict):
            yield f"{service.service}, {verdict}", ids
    if service.orphans:
        yield f"{service.service}, without an order", service.orphans
    if service.resent:
        yield f"{service.service}, sent again with the same Message-ID", service.resent
    if service.resent_on_purpose:
        yield f"{service.service}, sent again on purpose", service.resent_on_purpose
    if service.other_dead_letters:
        yield f"{service.service}, other dead letters", service.other_dead_letters


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(printable(id) for id in ids[:IDS_SHOWN])
    rest = len(ids) - IDS_SHOWN
    return f"{shown} and {rest:,} more (--json names all)" if rest > 0 else shown


def _balance_line(balance: Balance) -> str:
    if balance.stock is None:
        return f"{balance.product_id} moved {balance.moved} and is not in the stock"
    stock = balance.stock
    return f"{balance.product_id} had {stock.initial}, moved {balance.moved}, has {stock.on_hand}"


def _half_done_line(order: HalfDone) -> str:
    return f"{order.order_id} ({order.status}, done by {' and '.join(order.done) or 'nobody'})"


def _remarks(result: Result) -> Iterator[str]:
    if not result.quiet.reached:
        yield f"Not quiet within {result.options.timeout:g} s: {'; '.join(result.quiet.reasons)}."
    for name in result.quiet.last.not_running:
        yield f"{name} does not answer: what it held counts as back in its queue."
    for service in result.audit.services:
        if service.orders(Verdict.EARLIER):
            again = command(f"replay {service.service} --from beginning")
            yield f"{service.service} joined after orders were placed: {again} makes up for them."
    if result.audit.count(Verdict.DEAD_LETTERED):
        yield f"Dead letters wait for you: {command('dlq list')}, then dlq redrive."


def document(result: Result) -> dict[str, Any]:
    """The whole report, every id in it."""
    audit, quiet = result.audit, result.quiet
    return {
        "verdict": "broken" if audit.is_bad else "unfinished" if audit.is_unfinished else "kept",
        "sentence": sentence(result),
        "strict": result.options.strict,
        "exitStatus": result.exit_status,
        "quiet": {
            "reached": quiet.reached,
            "waitedSeconds": round(quiet.waited, 1),
            "reasons": quiet.reasons,
            "notRunning": quiet.last.not_running,
        },
        "accepted": audit.accepted,
        "completed": audit.completed,
        "halfDone": [_half_done_document(order) for order in audit.half_done],
        "answered": audit.answered,
        "withoutRow": audit.without_row,
        "services": {service.service: _service_document(service) for service in audit.services},
        "wrongBalances": None
        if audit.wrong_balances is None
        else [_balance_document(balance) for balance in audit.wrong_balances],
    }


def _half_done_document(order: HalfDone) -> dict[str, Any]:
    return {"orderId": order.order_id, "status": order.status, "doneBy": order.done}


def _service_document(service: ServiceAudit) -> dict[str, Any]:
    return {
        "applied": len(service.orders(Verdict.APPLIED)),
        "waiting": service.orders(Verdict.WAITING),
        "deadLettered": service.orders(Verdict.DEAD_LETTERED),
        "lost": service.orders(Verdict.LOST),
        "earlier": service.orders(Verdict.EARLIER),
        "duplicated": service.orders(Verdict.DUPLICATED),
        "wrong": service.orders(Verdict.WRONG),
        "orphans": service.orphans,
        "resent": service.resent,
        "resentOnPurpose": service.resent_on_purpose,
        "otherDeadLetters": service.other_dead_letters,
    }


def _balance_document(balance: Balance) -> dict[str, Any]:
    stock = balance.stock
    return {
        "productId": balance.product_id,
        "initial": stock and stock.initial,
        "moved": balance.moved,
        "onHand": stock and stock.on_hand,
    }
