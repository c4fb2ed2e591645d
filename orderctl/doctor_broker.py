"""The broker: is it there, are its queues the right ones, do they empty, what lies dead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orderctl.doctor_finding import Finding, ok, problem, warning
from orderctl.doctor_services import State
from orderctl.output import command, count
from shared.errors import BrokerUnavailable
from shared.transport import Broker, Depth


@dataclass(frozen=True)
class Look:
    """One look at a service: its queue, and what it says itself (None: it does not answer)."""

    depth: Depth
    state: State | None


def check_topology(broker: Broker, services: Sequence[str]) -> Iterator[Finding]:
    """A broker that does not answer is the only finding then."""
    try:
        missing = broker.missing(services)
    except BrokerUnavailable as error:
        yield problem("broker", str(error), "Start it, or set BROKER_URL to where it is.")
        return
    yield ok("broker", "answers")
    yield from _judge_missing(missing)
    yield _check_different(broker, services)


def _judge_missing(missing: Sequence[str]) -> Iterator[Finding]:
    if missing:
        yield problem("topology", f"missing: {', '.join(missing)}", "python -m shared.topology")
    else:
        yield ok("topology", "nothing is missing")


def _check_different(broker: Broker, services: Sequence[str]) -> Finding:
    about = "queue arguments"
    try:
        different = broker.different(services)
    except BrokerUnavailable as error:
        # The users of services may look at queues, and not declare them.
        return warning(
            about,
            f"cannot be compared: {error}",
            "Set BROKER_URL to a user who may declare queues.",
        )
    if not different:
        return ok(about, "nothing differs")
    return problem(
        about,
        f"exists with other arguments: {', '.join(different)}",
        "Let its messages be processed, delete it, then: python -m shared.topology",
    )


def judge_backlog(
    before: Mapping[str, Look], after: Mapping[str, Look], seconds: float
) -> Iterator[Finding]:
    """Compare two looks that are `seconds` apart."""
    for service in [name for name in before if name in after]:
        yield _judge(f"{service} backlog", before[service], after[service], seconds)


def _judge(about: str, before: Look, after: Look, seconds: float) -> Finding:
    was, now = before.depth.ready, after.depth.ready
    saw = f"{was:,} ready, and {now:,} after {seconds:g} s"
    if _is_idle(before, after):
        return problem(
            about, f"alive but not consuming: {saw}", "Read its log, then restart the service."
        )
    if now > was:
        return warning(
            about,
            f"grows: {saw}",
            "Look longer (--seconds 30). If it still grows, raise CONCURRENCY or start another.",
        )
    return ok(about, saw)


def _is_idle(before: Look, after: Look) -> bool:
    """It says that it is ready, has nothing in hand, and its queue does not fall."""
    does_not_fall = after.depth.ready >= before.depth.ready > 0
    states = (before.state, after.state)
    return does_not_fall and all(s and s.ready and s.unsettled == 0 for s in states)


def judge_dead_letters(looks: Mapping[str, Look]) -> Iterator[Finding]:
    for service, look in looks.items():
        about = f"{service} dead letters"
        if not look.depth.dead:
            yield ok(about, "none")
            continue
        saw = f"{count(look.depth.dead, 'dead letter')} waiting"
        yield warning(about, saw, command(f"dlq list {service}"))
