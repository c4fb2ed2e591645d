"""The audit's verdict, as one word and as one sentence."""

from collections.abc import Iterator

from orderctl.audit.audit import Result
from orderctl.audit.verdict import Audit, Verdict
from orderctl.output import count

KEPT = "kept"
#: Kept, except for emails that were sent again without a declared crash.
REPEATED = "repeated"
UNFINISHED = "unfinished"
BROKEN = "broken"


def sentence(result: Result) -> str:
    """The verdict as one sentence."""
    audit, orders = result.audit, _orders(result.audit)
    verdict = verdict_of(result)
    if verdict == BROKEN:
        return f"The promise is broken: {', '.join(_faults(result))}, of {orders}."
    if verdict == UNFINISHED:
        return f"{_so_far(audit)} the work is unfinished: {', '.join(_open(result))}."
    if not audit.accepted + audit.completed:
        return "No order has been accepted yet, so there is nothing to compare."
    exceptions = " and ".join(_exceptions(audit))
    except_for = f", except for {exceptions}" if exceptions else ""
    return f"Every service did its part exactly once for each of {orders}{except_for}."


def verdict_of(result: Result) -> str:
    audit, is_strict = result.audit, result.options.strict
    unexplained = audit.unexplained(result.options.crashes)
    if audit.is_bad or (is_strict and unexplained):
        return BROKEN
    return UNFINISHED if audit.is_unfinished else REPEATED if unexplained else KEPT


def _orders(audit: Audit) -> str:
    """The number of orders that were promised to a client."""
    kinds = {"accepted": audit.accepted, "completed": audit.completed}
    named = [count(number, f"{kind} order") for kind, number in kinds.items() if number]
    return " and ".join(named) or "0 accepted orders"


def _so_far(audit: Audit) -> str:
    known = "Nothing is" if audit.quiet else "So far nothing is known to be"
    if audit.repeats:
        return f"{known} lost, {_sent_again(audit.repeats)}, and"
    return f"{known} lost or duplicated, but"


def _sent_again(emails: int) -> str:
    return f"{count(emails, 'email')} {'was' if emails == 1 else 'were'} sent again"


def _exceptions(audit: Audit) -> Iterator[str]:
    if earlier := audit.count(Verdict.EARLIER):
        placed = "was" if earlier == 1 else "were"
        yield f"{earlier:,} that {placed} placed before a service joined"
    if audit.repeats:
        yield f"{count(audit.repeats, 'email')} sent again"
    if audit.resent_on_purpose:
        yield f"{count(audit.resent_on_purpose, 'effect')} resent by replays on purpose"


def _faults(result: Result) -> Iterator[str]:
    audit = result.audit
    unexplained = audit.unexplained(result.options.crashes) if result.options.strict else 0
    faults = {
        "accepted but not in the database": audit.without_row.count,
        "with another status than the client was told": audit.other_status.count,
        "lost": audit.count(Verdict.LOST),
        "duplicated": audit.count(Verdict.DUPLICATED),
        "wrong": audit.count(Verdict.WRONG),
        "without an order": audit.orphans,
        "with a wrong stock balance": len(audit.wrong_balances or ()),
        f"{'email' if unexplained == 1 else 'emails'} sent again without a crash": unexplained,
    }
    return (f"{number:,} {what}" for what, number in faults.items() if number)


def _open(result: Result) -> Iterator[str]:
    audit = result.audit
    for verdict in (Verdict.WAITING, Verdict.DEAD_LETTERED):
        if number := audit.count(verdict):
            yield f"{count(number, 'effect')} {verdict}"
    if not result.quiet.reached:
        yield "not quiet yet"
    if audit.wrong_balances is None:
        yield "the stock changed during the audit"
