"""Checks the broker: its availability, its queues and their arguments, backlogs, dead letters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orderctl.doctor.finding import Finding, note, ok, problem, warning
from orderctl.health import Health
from orderctl.output import command, count
from shared.errors import BrokerForbids, BrokerUnavailable
from shared.transport import Broker

#: The command that declares queues and compares existing ones with their definition.
DECLARE = "python -m shared.topology (in Compose: docker compose run --rm topology)"


@dataclass(frozen=True)
class Backlog:
    """A service's work queue and health at one moment. `state`: None if it did not respond."""

    ready: int
    state: Health | None


@dataclass(frozen=True)
class Snapshot:
    """All visible backlogs and numbers of dead letters at one moment, by service."""

    backlogs: Mapping[str, Backlog]
    dead: Mapping[str, int]


def check_topology(broker: Broker, services: Sequence[str]) -> Iterator[Finding]:
    """If the broker is unavailable, that is the only finding."""
    try:
        missing = broker.missing(services)
    except BrokerUnavailable as error:
        yield problem("broker", str(error), "Start it, or set BROKER_URL to its address.")
        return
    yield ok("broker", "available")
    yield from _judge_missing(missing)
    yield _check_different(broker, services)


def _judge_missing(missing: Sequence[str]) -> Iterator[Finding]:
    if missing:
        yield problem("topology", f"missing: {', '.join(missing)}", DECLARE)
    else:
        yield ok("topology", "nothing is missing")


def _check_different(broker: Broker, services: Sequence[str]) -> Finding:
    about = "queue arguments"
    try:
        different = broker.different(services)
    except BrokerForbids:
        # Intended: with few rights, a leaked password of orderctl does little harm.
        return note(
            about,
            "not compared: this broker user may not declare queues. The topology step compares "
            "them whenever it runs, and fails if one differs",
            f"To compare them now: {DECLARE}",
        )
    except BrokerUnavailable as error:
        return warning(about, f"cannot be compared: {error}", "Run the command again.")
    if not different:
        return ok(about, "nothing differs")
    return problem(
        about,
        f"declared with other arguments: {', '.join(different)}",
        f"Wait until it is empty, delete it, then: {DECLARE}",
    )


def judge_backlog(before: Snapshot, after: Snapshot, seconds: float) -> Iterator[Finding]:
    """Compare two snapshots that are `seconds` apart."""
    for service, was in before.backlogs.items():
        if now := after.backlogs.get(service):
            yield _judge(f"{service} backlog", was, now, seconds)


def _judge(about: str, was: Backlog, now: Backlog, seconds: float) -> Finding:
    saw = f"{was.ready:,} ready, {now.ready:,} after {seconds:g} s"
    if _is_idle(was, now):
        return problem(
            about, f"running but not consuming: {saw}", "Check its log, then restart the service."
        )
    if now.ready > was.ready:
        return warning(
            about,
            f"growing: {saw}",
            "Watch it longer (--seconds 30). If it keeps growing, raise CONCURRENCY or start "
            "another process.",
        )
    return ok(about, saw)


def _is_idle(was: Backlog, now: Backlog) -> bool:
    """Ready, with nothing in flight, although its queue is not shrinking."""
    does_not_fall = now.ready >= was.ready > 0
    states = (was.state, now.state)
    return does_not_fall and all(s and s.ready and s.unsettled == 0 for s in states)


def judge_dead_letters(snapshot: Snapshot) -> Iterator[Finding]:
    for service, dead in snapshot.dead.items():
        about = f"{service} dead letters"
        if not dead:
            yield ok(about, "none")
            continue
        saw = count(dead, "dead letter")
        yield warning(about, saw, command(f"dlq list {service}"))
