"""Decides after a failed attempt: retry later, or dead-letter."""

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
    """Retry after the delay of the next rung of the ladder; after the last one, usually give up."""
    if isinstance(error, OutcomeUnknown):
        record = _if_possible(record)
    attempt = delivery.message.attempt
    reason = f"{type(error).__name__}: {error}"
    if attempt > len(ladder):
        if isinstance(error, Refused) and _has_patience(delivery.message, error):
            return _defer(delivery, effect, max(ladder[-1], DEFERRAL), reason)
        return give_up(delivery, effect, record, f"gave up after {attempt} attempts: {reason}")
    after = ladder[attempt - 1]
    # The note comes first, so that the history never misses a retry that the broker has.
    _note(record, delivery, Note(step=Step.RETRIED, reason=reason, after=after))
    delivery.retry(after, Failure.now(reason))
    _forget(delivery, effect)
    log_outcome(delivery, Outcome.RETRIED, seconds=after, reason=reason, exc_info=error)
    return Outcome.RETRIED


def _if_possible(record: Record) -> Record:
    """A `record` that logs when the database is unavailable, instead of raising.

    For an unknown outcome: raising would repeat the work without using an attempt.
    """

    def note_or_log(message: Message, note: Note) -> None:
        try:
            record(message, note)
        except DependencyUnavailable as error:
            log.warning("history.not_written", event_id=message.id, reason=str(error))

    return note_or_log


def _has_patience(message: Message, refused: Refused) -> bool:
    """Whether the event has been failing for less than `refused.patience`."""
    try:
        failing = datetime.now(UTC) - datetime.fromisoformat(_first_failure_at(message))
    except (ValueError, TypeError):
        return False
    # abs(): a first failure in the future was recorded by a wrong clock.
    return abs(failing.total_seconds()) < refused.patience


def _first_failure_at(message: Message) -> str:
    return message.first_failure.at if message.first_failure else ""


def _defer(delivery: Delivery, effect: Effect, after: float, reason: str) -> Outcome:
    delivery.retry(after, None)
    _forget(delivery, effect)
    log_outcome(delivery, Outcome.DEFERRED, seconds=after, reason=reason)
    return Outcome.DEFERRED


def give_up(delivery: Delivery, effect: Effect, record: Record, reason: str) -> Outcome:
    """Dead-letter the delivery, with its whole history and the reason."""
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
        # The history is only for people. An error for this one note must not crash the consumer,
        # which would crash again on the same event after each restart.
        log.exception("history.not_written", event_id=delivery.message.id, step=note.step)


def _forget(delivery: Delivery, effect: Effect) -> None:
    """Clear the suspicion after the broker has the event: a crash in between only keeps it."""
    try:
        effect.given_up(delivery.message.id)
    except DatabaseUnavailable:
        log.warning("suspicion.kept", event_id=delivery.message.id)
    except Exception:
        # The delivery is settled: this error must not settle it a second time.
        log.exception("suspicion.kept", event_id=delivery.message.id)
