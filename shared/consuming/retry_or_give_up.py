"""After an attempt that failed: another one later, or the dead letter queue."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from shared.consuming.effect import Effect
from shared.consuming.history import Note, Record, Step
from shared.consuming.outcome import Outcome, log_outcome
from shared.errors import DatabaseUnavailable, DependencyUnavailable, OutcomeUnknown, Refused
from shared.transport import DEFERRAL, Delivery, Failure, Message

log = structlog.get_logger()


def try_again(
    delivery: Delivery,
    effect: Effect,
    ladder: Sequence[float],
    record: Record,
    error: Exception,
) -> Outcome:
    """Attempt it again after the next rung of the ladder; after the last one, usually give up."""
    if isinstance(error, OutcomeUnknown):
        record = _if_possible(record)
    attempt = delivery.message.attempt
    reason = f"{type(error).__name__}: {error}"
    if attempt > len(ladder):
        if isinstance(error, Refused) and _may_pass(delivery.message, error):
            return _wait_on(delivery, effect, max(ladder[-1], DEFERRAL), reason)
        return give_up(delivery, effect, record, f"gave up after {attempt} attempts: {reason}")
    after = ladder[attempt - 1]
    # First the note: what the broker does now is then never unknown to those who ask.
    _note(record, delivery, Note(step=Step.RETRIED, reason=reason, after=after))
    delivery.retry(after, Failure.now(reason))
    _forget(delivery, effect)
    log_outcome(delivery, Outcome.RETRIED, seconds=after, reason=reason, exc_info=error)
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
    log_outcome(delivery, Outcome.DEFERRED, seconds=after, reason=reason)
    return Outcome.DEFERRED


def give_up(delivery: Delivery, effect: Effect, record: Record, reason: str) -> Outcome:
    """Make it a dead letter, with its whole history and the reason."""
    _note(record, delivery, Note(step=Step.DEAD_LETTERED, reason=reason))
    delivery.dead_letter(reason)
    _forget(delivery, effect)
    log_outcome(delivery, Outcome.DEAD_LETTERED, reason=reason)
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
