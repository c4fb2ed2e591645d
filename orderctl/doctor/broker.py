"""The broker: is it there, are its queues the right ones, do they empty, what lies dead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orderctl.doctor.finding import Finding, note, ok, problem, warning
from orderctl.health import Health
from orderctl.output import command, count
from shared.errors import BrokerForbids, BrokerUnavailable
from shared.transport import Broker

#: What declares, and compares with what is there, wherever the system runs.
DECLARE = "python -m shared.topology (in Compose: docker compose run --rm topology)"


@dataclass(frozen=True)
class Look:
    """One look at a service: its work queue, and what it says itself (None: no answer)."""

    ready: int
    state: Health | None


@dataclass(frozen=True)
class Looks:
    """What can be seen, by service: its backlog, and how many dead letters it has."""

    backlogs: Mapping[str, Look]
    dead: Mapping[str, int]


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
        yield problem("topology", f"missing: {', '.join(missing)}", DECLARE)
    else:
        yield ok("topology", "nothing is missing")


def _check_different(broker: Broker, services: Sequence[str]) -> Finding:
    about = "queue arguments"
    try:
        different = broker.different(services)
    except BrokerForbids:
        # As it should be: with few rights, a lost password of orderctl does little harm.
        return note(
            about,
            "not compared: this user of the broker may not declare. The topology step compares "
            "them whenever it runs, and fails when one differs",
            f"To compare them now: {DECLARE}",
        )
    except BrokerUnavailable as error:
        return warning(about, f"cannot be compared: {error}", "Run the command again.")
    if not different:
        return ok(about, "nothing differs")
    return problem(
        about,
        f"exists with other arguments: {', '.join(different)}",
        f"Let its messages be processed, delete it, then: {DECLARE}",
    )


def judge_backlog(before: Looks, after: Looks, seconds: float) -> Iterator[Finding]:
    """Compare two looks that are `seconds` apart."""
    for service, was in before.backlogs.items():
        if now := after.backlogs.get(service):
            yield _judge(f"{service} backlog", was, now, seconds)


def _judge(about: str, was: Look, now: Look, seconds: float) -> Finding:
    saw = f"{was.ready:,} ready, and {now.ready:,} after {seconds:g} s"
    if _is_idle(was, now):
        return problem(
            about, f"alive but not consuming: {saw}", "Read its log, then restart the service."
        )
    if now.ready > was.ready:
        return warning(
            about,
            f"grows: {saw}",
            "Look longer (--seconds 30). If it still grows, raise CONCURRENCY or start another.",
        )
    return ok(about, saw)


def _is_idle(was: Look, now: Look) -> bool:
    """It says that it is ready, has nothing in hand, and its queue does not fall."""
    does_not_fall = now.ready >= was.ready > 0
    states = (was.state, now.state)
    return does_not_fall and all(s and s.ready and s.unsettled == 0 for s in states)


def judge_dead_letters(looks: Looks) -> Iterator[Finding]:
    for service, dead in looks.dead.items():
        about = f"{service} dead letters"
        if not dead:
            yield ok(about, "none")
            continue
        saw = f"{count(dead, 'dead letter')} waiting"
        yield warning(about, saw, command(f"dlq list {service}"))
