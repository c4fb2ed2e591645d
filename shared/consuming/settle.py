"""What becomes of one delivery. This is the page to read first."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from shared.consuming.effect import Applied, Effect
from shared.consuming.history import Note, Record, Step, no_record
from shared.errors import (
    BrokerUnavailable,
    ContractError,
    DatabaseUnavailable,
    DependencyUnavailable,
    LeaseHeld,
    OutcomeUnknown,
    PermanentError,
    Refused,
)
from shared.events import ORDER_PLACED, Event, decode, is_id, parse_time
from shared.transport import DEFERRAL, Delivery, Failure, Message

log = structlog.get_logger()


class Outcome(StrEnum):
    APPLIED = "applied"
    APPLIED_BEFORE = "applied_before"
    IGNORED = "ignored"
    DEFERRED = "deferred"
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"
    #: Not settled: it was in the hands of a process that died, and has to be handled alone.
    SUSPECT = "suspect"


def settle(
    delivery: Delivery,
    effect: Effect,
    ladder: Sequence[float],
    *,
    alone: bool = False,
    record: Record = no_record,
) -> Outcome:
    """Decide what becomes of one delivery.

    1. Not an event of the contract: dead letter at once, byte for byte, with the reason.
    2. Applied before, says the inbox: acknowledge.
    3. Applied now: acknowledge.
    4. Something that the work needs is away: the error goes up to the loop, which keeps the
       delivery and stops receiving until it is back. No attempt is used. An outage fills the
       queue, never the dead letter queue.
    5. Any other error: try again after the next rung of the ladder; after the last one, dead
       letter with the whole history. What another system refuses is tried on after the last
       rung for as long as it may be no fault of the event (`Refused.patience`).
    6. An error that no attempt can change: dead letter at once.
    7. Found unended by the death of a process: a suspect, up to the loop, which handles it
       alone. When it killed its consumer again and again, that is an error of kind 6.

    And when somebody else is at work on it (LeaseHeld): come back later, using no attempt.
    `record` keeps what happens in 5 to 7, for those who ask what became of an order.
    """
    try:
        event = read(delivery.message)
        applied = effect.apply([event], alone=alone) if event else Applied()
    except LeaseHeld as held:
        return _come_back(delivery, held)
    except (DependencyUnavailable, BrokerUnavailable):
        raise
    except (ContractError, PermanentError) as error:
        return _give_up(delivery, effect, record, str(error))
    except Exception as error:  # noqa: BLE001
        # The one place that catches everything: an error that nobody foresaw must neither
        # lose the event nor stop the consumer.
        return _try_again(delivery, effect, ladder, record, error)
    return _end(delivery, event, applied)


def settle_all(
    pending: deque[Delivery],
    effect: Effect,
    ladder: Sequence[float],
    *,
    alone: bool = False,
    record: Record = no_record,
) -> Iterator[tuple[Delivery, Outcome]]:
    """Settle a batch in one transaction when all is well, one by one what is not.

    Yields each delivery with its outcome as soon as it is settled. What is settled leaves
    `pending`, so that after an error the rest is still there. `alone`: nothing else is in work.
    """
    if len(pending) > 1:
        yield from _settle_together(pending, effect)
    while pending:
        outcome = settle(pending[0], effect, ladder, alone=alone, record=record)
        yield pending.popleft(), outcome


def read(message: Message) -> Event | None:
    """The event in a message; None for a type that this service does not know."""
    if not is_id(message.id) or not message.type:
        raise ContractError(
            f"CloudEvents id {message.id!r} or type {message.type!r} is missing or odd"
        )
    if message.type != ORDER_PLACED:
        return None
    time = parse_time(message.time)
    return Event(id=message.id, time=time, order=decode(message.body), attempt=message.attempt)


def _settle_together(
    pending: deque[Delivery], effect: Effect
) -> Iterator[tuple[Delivery, Outcome]]:
    readable = [(delivery, event) for delivery in pending if (event := _readable(delivery))]
    try:
        applied = effect.apply([event for _, event in readable])
    except (DependencyUnavailable, BrokerUnavailable):
        raise
    except Exception as error:  # noqa: BLE001
        # Which event is at fault is found out by settling each of them by itself.
        log.info("batch.split", size=len(pending), error=repr(error))
        return
    first_time, ended = set(applied.now), applied.now | applied.before
    for delivery, event in readable:
        if event.id in ended:
            outcome = Outcome.APPLIED if event.id in first_time else Outcome.APPLIED_BEFORE
            first_time.discard(event.id)
            yield delivery, _acknowledge(delivery, outcome)
            pending.remove(delivery)


def _readable(delivery: Delivery) -> Event | None:
    with suppress(ContractError):
        return read(delivery.message)
    return None


def _end(delivery: Delivery, event: Event | None, applied: Applied) -> Outcome:
    if event and event.id in applied.suspects:
        return Outcome.SUSPECT
    if event is None:
        return _acknowledge(delivery, Outcome.IGNORED)
    was_applied_now = event.id in applied.now
    return _acknowledge(delivery, Outcome.APPLIED if was_applied_now else Outcome.APPLIED_BEFORE)


def _acknowledge(delivery: Delivery, outcome: Outcome) -> Outcome:
    delivery.ack()
    _log(delivery, outcome)
    return outcome


def _come_back(delivery: Delivery, held: LeaseHeld) -> Outcome:
    delivery.retry(held.seconds, None)
    _log(delivery, Outcome.DEFERRED, seconds=held.seconds)
    return Outcome.DEFERRED


def _try_again(
    delivery: Delivery,
    effect: Effect,
    ladder: Sequence[float],
    record: Record,
    error: Exception,
) -> Outcome:
    if isinstance(error, OutcomeUnknown):
        record = _if_possible(record)
    attempt = delivery.message.attempt
    reason = f"{type(error).__name__}: {error}"
    if attempt > len(ladder):
        if isinstance(error, Refused) and _may_pass(delivery.message, error):
            return _wait_on(delivery, effect, max(ladder[-1], DEFERRAL), reason)
        return _give_up(delivery, effect, record, f"gave up after {attempt} attempts: {reason}")
    after = ladder[attempt - 1]
    # First the note: what the broker does now is then never unknown to those who ask.
    _note(record, delivery, Note(step=Step.RETRIED, reason=reason, after=after))
    delivery.retry(after, Failure.now(reason))
    _forget(delivery, effect)
    _log(delivery, Outcome.RETRIED, seconds=after, reason=reason, exc_info=error)
    return Outcome.RETRIED


def _if_possible(record: Record) -> Record:
    """The outcome is unknown: kept until it can be noted, it would be done again meanwhile, and
    use no attempt.
    """

    def note_or_log(message: Message, note: Note) -> None:
        try:
            record(message, note)
        except DependencyUnavailable as error:
            log.warning("history.not_written", event_id=message.id, reason=str(error))

    return note_or_log


def _may_pass(message: Message, refused: Refused) -> bool:
    """Whether the event has not been failing for as long as this is borne."""
    try:
        failing = datetime.now(UTC) - datetime.fromisoformat(_first_failure_at(message))
    except (ValueError, TypeError):
        return False
    # Either way: a time in our future is of a clock that was wrong.
    return abs(failing.total_seconds()) < refused.patience


def _first_failure_at(message: Message) -> str:
    return message.first_failure.at if message.first_failure else ""


def _wait_on(delivery: Delivery, effect: Effect, after: float, reason: str) -> Outcome:
    delivery.retry(after, None)
    _forget(delivery, effect)
    _log(delivery, Outcome.DEFERRED, seconds=after, reason=reason)
    return Outcome.DEFERRED


def _give_up(delivery: Delivery, effect: Effect, record: Record, reason: str) -> Outcome:
    _note(record, delivery, Note(step=Step.DEAD_LETTERED, reason=reason))
    delivery.dead_letter(reason)
    _forget(delivery, effect)
    _log(delivery, Outcome.DEAD_LETTERED, reason=reason)
    return Outcome.DEAD_LETTERED


def _note(record: Record, delivery: Delivery, note: Note) -> None:
    try:
        record(delivery.message, note)
    except DependencyUnavailable:
        raise
    except Exception:
        # The history is for people. Should it not take this one note, the consumer would die of
        # it and come back to the same event, again and again.
        log.exception("history.not_written", event_id=delivery.message.id, step=note.step)


def _forget(delivery: Delivery, effect: Effect) -> None:
    """Tell the effect after the broker has it: a crash in between only leaves a suspicion."""
    try:
        effect.given_up(delivery.message.id)
    except DatabaseUnavailable:
        log.warning("suspicion.kept", event_id=delivery.message.id)
    except Exception:
        # The delivery is settled; nothing may be made of it now.
        log.exception("suspicion.kept", event_id=delivery.message.id)


def _log(delivery: Delivery, outcome: Outcome, **facts: object) -> None:
    message = delivery.message
    level = log.warning if outcome in (Outcome.RETRIED, Outcome.DEAD_LETTERED) else log.info
    level(
        f"delivery.{outcome}",
        order=message.key,
        event_id=message.id,
        attempt=message.attempt,
        **facts,
    )
