"""Decides the outcome of each delivery: acknowledge, retry or dead-letter. Read this file first."""

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
    """Apply the event of one delivery, and acknowledge, retry or dead-letter the delivery.

    1. The message violates the contract: dead-letter it at once, byte for byte, with the reason.
    2. The inbox shows that the event was applied before: acknowledge.
    3. The event is applied now: acknowledge.
    4. A dependency is down: raise to the loop, which keeps the delivery and retries it until the
       dependency is back up. This uses no attempt, so an outage fills the work queue, never the
       dead letter queue.
    5. Any other error: retry after the delay of the next rung; after the last rung, dead-letter
       with the whole history. An event that another system refuses is retried beyond the last
       rung while the refusal may not be the event's fault (`Refused.patience`).
    6. An error that no retry can fix: dead-letter at once.
    7. A process crashed while handling the event: return it as a suspect to the loop, which
       handles it alone. If it has crashed its consumer several times, see 6.

    If another process holds the event's lease (LeaseHeld), the event is redelivered later and uses
    no attempt. `record` stores the retries and dead letters of 1, 5, 6 and 7, for people who
    trace an order.
    """
    try:
        event = read(delivery.message)
        applied = effect.apply([event], alone=alone) if event else Applied()
    except LeaseHeld as held:
        return _defer(delivery, held)
    except (DependencyUnavailable, BrokerUnavailable):
        raise
    except (ContractError, PermanentError) as error:
        return give_up(delivery, effect, record, str(error))
    except Exception as error:  # noqa: BLE001
        # The one place that catches everything: an unforeseen error must neither lose the event
        # nor stop the consumer.
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
    """Settle a batch in one transaction if possible, and the remaining deliveries one by one.

    Yields each delivery with its outcome as soon as it is settled. Settled deliveries are removed
    from `pending`, so that it holds the rest after an error. `alone`: no other work is in
    progress.
    """
    if len(pending) > 1:
        yield from _settle_together(pending, effect)
    while pending:
        outcome = settle(pending[0], effect, ladder, alone=alone, record=record)
        yield pending.popleft(), outcome


def read(message: Message) -> Event | None:
    """The event in a message; None for an event type that consumers ignore.

    Raises ContractError.
    """
    if not is_id(message.id) or not message.type:
        raise ContractError(
            f"CloudEvents id {message.id!r} or type {message.type!r} is missing or malformed"
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
        # Settling each event by itself shows which one is at fault.
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


def _defer(delivery: Delivery, held: LeaseHeld) -> Outcome:
    delivery.retry(held.seconds, None)
    log_outcome(delivery, Outcome.DEFERRED, seconds=held.seconds)
    return Outcome.DEFERRED
