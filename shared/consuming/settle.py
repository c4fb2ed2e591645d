"""What becomes of one delivery. This is the page to read first."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

import structlog

from shared.consuming.effect import Applied, Effect
from shared.consuming.history import Record, no_record
from shared.consuming.outcome import Outcome, log_outcome
from shared.consuming.retry_or_give_up import give_up, try_again
from shared.errors import (
    BrokerUnavailable,
    ContractError,
    DependencyUnavailable,
    LeaseHeld,
    PermanentError,
)
from shared.events import ORDER_PLACED, Event, decode, is_id, parse_time
from shared.transport import Delivery, Message

log = structlog.get_logger()


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
        return give_up(delivery, effect, record, str(error))
    except Exception as error:  # noqa: BLE001
        # The one place that catches everything: an error that nobody foresaw must neither
        # lose the event nor stop the consumer.
        return try_again(delivery, effect, ladder, record, error)
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
    log_outcome(delivery, outcome)
    return outcome


def _come_back(delivery: Delivery, held: LeaseHeld) -> Outcome:
    delivery.retry(held.seconds, None)
    log_outcome(delivery, Outcome.DEFERRED, seconds=held.seconds)
    return Outcome.DEFERRED
