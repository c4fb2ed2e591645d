"""The seven outcomes of a delivery, and the handling of batches."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.consuming.history import Note, Step
from shared.consuming.outcome import Outcome
from shared.consuming.settle import settle, settle_all
from shared.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    DependencyUnavailable,
    KilledItsConsumer,
    LeaseHeld,
    OutcomeUnknown,
    PermanentError,
    Refused,
)
from shared.transport import DEFERRAL, Delivery, Failure, Message
from tests.builders import a_message
from tests.fakes import FakeDelivery, FakeEffect

LADDER = (1.0, 5.0, 30.0)
GOOD = a_message()


def _borne() -> Refused:
    """The outage detector's error for a temporary refusal."""
    error = Refused("mail server", "451 later", kind="451")
    error.patience = 600.0
    return error


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (replace(GOOD, body=b"\xff\xfe not an event"), "invalid"),
        (replace(GOOD, body=b'{"eventType":"order.placed"}'), "missing required field"),
        (replace(GOOD, id=""), "id '' or type 'order.placed' is missing or malformed"),
        (replace(GOOD, id="has spaces"), "id 'has spaces'"),
        (replace(GOOD, id=GOOD.id + "\n"), "missing or malformed"),
        (replace(GOOD, type=""), "type '' is missing"),
        (replace(GOOD, time="yesterday"), "time is 'yesterday'"),
    ],
)
def test_1_a_contract_error_is_dead_lettered_with_its_reason(message: Message, reason: str) -> None:
    delivery, effect = FakeDelivery(message), FakeEffect()
    assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED
    [(verb, said)] = delivery.ended
    assert verb == "dead_letter"
    assert reason.lower() in said.lower()
    assert not effect.applied


def test_2_an_event_applied_before_is_acknowledged() -> None:
    effect, first, second = FakeEffect(), FakeDelivery(GOOD), FakeDelivery(GOOD)
    settle(first, effect, LADDER)
    assert settle(second, effect, LADDER) == Outcome.APPLIED_BEFORE
    assert second.ended == [("ack",)]
    assert effect.applied == [GOOD.id]


def test_3_an_event_applied_now_is_acknowledged() -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    assert settle(delivery, effect, LADDER) == Outcome.APPLIED
    assert delivery.ended == [("ack",)]


@pytest.mark.parametrize(
    "error", [DependencyUnavailable("mail server", "refused"), BrokerUnavailable("gone")]
)
def test_4_during_an_outage_the_delivery_is_not_settled(error: Exception) -> None:
    delivery, effect = FakeDelivery(replace(GOOD, attempt=4)), FakeEffect()
    effect.errors[GOOD.id] = error
    with pytest.raises(type(error)):
        settle(delivery, effect, LADDER)
    assert (delivery.ended, effect.gave_up) == ([], [])


@pytest.mark.parametrize(("attempt", "after"), [(1, 1.0), (2, 5.0), (3, 30.0)])
def test_5_another_error_is_retried(attempt: int, after: float) -> None:
    delivery, effect = FakeDelivery(replace(GOOD, attempt=attempt)), FakeEffect()
    effect.errors[GOOD.id] = RuntimeError("no")
    assert settle(delivery, effect, LADDER) == Outcome.RETRIED
    assert delivery.ended == [("retry", after, "RuntimeError: no")]
    assert effect.gave_up == [GOOD.id]


def test_5_after_the_last_rung_it_is_dead_lettered_with_its_history() -> None:
    delivery, effect = FakeDelivery(replace(GOOD, attempt=4)), FakeEffect()
    effect.errors[GOOD.id] = RuntimeError("no")
    assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED
    assert delivery.ended == [("dead_letter", "gave up after 4 attempts: RuntimeError: no")]


@pytest.mark.parametrize("error", [PermanentError("550 no"), KilledItsConsumer("550 no")])
def test_6_a_permanent_error_is_dead_lettered_at_once(error: Exception) -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = error
    assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED
    assert delivery.ended == [("dead_letter", "550 no")]
    assert effect.gave_up == [GOOD.id]


def test_7_a_suspect_is_not_settled_until_it_is_handled_alone() -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.suspects = {GOOD.id}
    assert settle(delivery, effect, LADDER) == Outcome.SUSPECT
    assert delivery.ended == []
    assert settle(delivery, effect, LADDER, alone=True) == Outcome.APPLIED
    assert (delivery.ended, effect.alone) == ([("ack",)], [GOOD.id])


def test_an_event_in_progress_elsewhere_is_retried_without_an_attempt() -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = LeaseHeld(12.5)
    assert settle(delivery, effect, LADDER) == Outcome.DEFERRED
    assert delivery.ended == [("retry", 12.5, None)]


def test_an_unknown_type_is_acknowledged_with_any_body() -> None:
    delivery, effect = FakeDelivery(replace(GOOD, type="order.cancelled", body=b"?")), FakeEffect()
    assert settle(delivery, effect, LADDER) == Outcome.IGNORED
    assert delivery.ended == [("ack",)]
    assert effect.batches == []


@pytest.mark.parametrize(
    ("error", "attempt", "verb"),
    [
        (RuntimeError("no"), 1, "retry"),
        (RuntimeError("no"), 4, "dead_letter"),
        (PermanentError("no"), 1, "dead_letter"),
        (_borne(), 4, "retry"),
    ],
    ids=["a retry", "given up", "at once", "borne"],
)
def test_a_suspicion_is_cleared_only_after_the_delivery_was_settled(
    error: Exception, attempt: int, verb: str
) -> None:
    """If a crash in between cleared it, the event could crash processes for ever."""

    class Watching(FakeEffect):
        def given_up(self, event_id: str) -> None:
            ended_before.append([ended for ended, *_ in delivery.ended])

    ended_before: list[list[str]] = []
    first = Failure.now("no")
    delivery = FakeDelivery(replace(GOOD, attempt=attempt, first_failure=first))
    effect = Watching()
    effect.errors[GOOD.id] = error
    settle(delivery, effect, LADDER)
    assert ended_before == [[verb]]


def test_a_database_outage_after_settling_leaves_only_a_suspicion() -> None:
    class Forgetful(FakeEffect):
        def given_up(self, event_id: str) -> None:
            raise DatabaseUnavailable("down")

    delivery, effect = FakeDelivery(GOOD), Forgetful()
    effect.errors[GOOD.id] = PermanentError("no")
    assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED


# --- the history -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "note", "ended"),
    [
        (
            RuntimeError("no"),
            Note(step=Step.RETRIED, reason="RuntimeError: no", after=1.0),
            ("retry", 1.0, "RuntimeError: no"),
        ),
        (
            PermanentError("550 no"),
            Note(step=Step.DEAD_LETTERED, reason="550 no"),
            ("dead_letter", "550 no"),
        ),
    ],
    ids=["a retry", "a dead letter"],
)
def test_a_step_is_recorded_before_the_delivery_is_settled(
    error: Exception, note: Note, ended: tuple[Any, ...]
) -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = error
    noted: list[tuple[Message, Note, list[Any]]] = []

    def record(message: Message, note: Note) -> None:
        noted.append((message, note, list(delivery.ended)))

    settle(delivery, effect, LADDER, record=record)
    assert noted == [(GOOD, note, [])]
    assert delivery.ended == [ended]


@pytest.mark.parametrize("error", [RuntimeError("no"), PermanentError("550 no")])
def test_a_delivery_is_not_settled_if_its_step_cannot_be_recorded(error: Exception) -> None:
    def record(_message: Message, _note: Note) -> None:
        raise DatabaseUnavailable("down")

    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = error
    with pytest.raises(DatabaseUnavailable):
        settle(delivery, effect, LADDER, record=record)
    assert (delivery.ended, effect.gave_up) == ([], [])


@pytest.mark.parametrize(
    ("error", "verb"), [(RuntimeError("no"), "retry"), (PermanentError("550 no"), "dead_letter")]
)
def test_a_record_refused_for_its_content_does_not_block_the_event(
    error: Exception, verb: str
) -> None:
    def record(_message: Message, _note: Note) -> None:
        raise ValueError("a note that no table takes")

    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = error
    settle(delivery, effect, LADDER, record=record)
    assert [ended for ended, *_ in delivery.ended] == [verb]


def test_an_error_after_settling_changes_nothing() -> None:
    class Broken(FakeEffect):
        def given_up(self, event_id: str) -> None:
            raise ValueError("a bug")

    delivery, effect = FakeDelivery(GOOD), Broken()
    effect.errors[GOOD.id] = PermanentError("no")
    assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED
    assert delivery.ended == [("dead_letter", "no")]


# --- batches ---------------------------------------------------------------------------------


def deliveries(count: int) -> list[FakeDelivery]:
    return [FakeDelivery(a_message()) for _ in range(count)]


def outcomes(batch: list[FakeDelivery], effect: FakeEffect) -> dict[str, Outcome]:
    settled = settle_all(deque(batch), effect, LADDER)
    return {delivery.message.id: outcome for delivery, outcome in settled}


def test_a_batch_is_applied_together_and_each_event_acknowledged() -> None:
    batch, effect = deliveries(5), FakeEffect()
    assert set(outcomes(batch, effect).values()) == {Outcome.APPLIED}
    assert effect.batches == [[delivery.message.id for delivery in batch]]
    assert all(delivery.ended == [("ack",)] for delivery in batch)


def test_a_batch_that_fails_is_settled_one_by_one() -> None:
    batch, effect = deliveries(3), FakeEffect()
    _, bad, _ = ids = [delivery.message.id for delivery in batch]
    effect.errors[bad] = RuntimeError("no")
    found = outcomes(batch, effect)
    assert found == dict.fromkeys(ids, Outcome.APPLIED) | {bad: Outcome.RETRIED}
    assert effect.batches == [ids, [ids[0]], [bad], [ids[2]]]


def test_an_invalid_message_does_not_block_its_batch() -> None:
    batch, effect = deliveries(3), FakeEffect()
    odd = FakeDelivery(replace(a_message(), body=b"?"))
    unknown = FakeDelivery(a_message(type="order.cancelled"))
    found = outcomes([batch[0], odd, batch[1], unknown, batch[2]], effect)
    assert effect.batches == [[delivery.message.id for delivery in batch]]
    assert found[odd.message.id] == Outcome.DEAD_LETTERED
    assert found[unknown.message.id] == Outcome.IGNORED


def test_a_duplicate_within_a_batch_is_applied_once_and_acknowledged_twice() -> None:
    first, second, effect = FakeDelivery(GOOD), FakeDelivery(GOOD), FakeEffect()
    assert [o for _, o in settle_all(deque([first, second]), effect, LADDER)] == [
        Outcome.APPLIED,
        Outcome.APPLIED_BEFORE,
    ]
    assert (first.ended, second.ended) == ([("ack",)], [("ack",)])
    assert effect.applied == [GOOD.id]


@pytest.mark.parametrize(
    "error", [DependencyUnavailable("mail server", "refused"), BrokerUnavailable("gone")]
)
def test_a_batch_during_an_outage_is_tried_once_and_kept_together(error: Exception) -> None:
    batch, effect = deliveries(3), FakeEffect()
    ids = [delivery.message.id for delivery in batch]
    effect.errors[ids[2]] = error
    pending = deque[Delivery](batch)
    with pytest.raises(type(error)):
        list(settle_all(pending, effect, LADDER))
    assert effect.batches == [ids]
    assert [delivery.message.id for delivery in pending] == ids


def test_after_an_outage_half_way_settled_events_are_not_tried_again() -> None:
    batch, effect = deliveries(3), FakeEffect()
    ids = [delivery.message.id for delivery in batch]
    effect.errors[ids[0]] = RuntimeError("splits the batch")
    effect.errors[ids[1]] = DependencyUnavailable("mail server", "refused")
    pending = deque[Delivery](batch)
    with pytest.raises(DependencyUnavailable):
        list(settle_all(pending, effect, LADDER))
    assert [delivery.message.id for delivery in pending] == ids[1:]


def test_suspects_in_a_batch_stay_unsettled_while_the_rest_is_applied() -> None:
    batch, effect = deliveries(3), FakeEffect()
    suspect = batch[1]
    effect.suspects = {suspect.message.id}
    found = outcomes(batch, effect)
    assert found.pop(suspect.message.id) == Outcome.SUSPECT
    assert set(found.values()) == {Outcome.APPLIED}
    assert suspect.ended == []


def refused_at_the_top(
    *, failing_for: float, patience: float, ladder: tuple[float, ...] = LADDER
) -> list[Any]:
    """The outcome of a delivery refused on its last attempt, after failing for `seconds`."""
    at = datetime.now(UTC) - timedelta(seconds=failing_for)
    first = Failure("no", at.isoformat())
    delivery = FakeDelivery(replace(GOOD, attempt=len(ladder) + 1, first_failure=first))
    effect, error = FakeEffect(), Refused("mail server", "451 later", kind="451")
    error.patience = patience
    effect.errors[GOOD.id] = error
    settle(delivery, effect, ladder)
    assert effect.gave_up == [GOOD.id]
    return delivery.ended


def test_after_the_last_rung_a_temporary_refusal_uses_no_more_attempts() -> None:
    assert refused_at_the_top(failing_for=300, patience=600) == [("retry", 30.0, None)]
    assert refused_at_the_top(failing_for=9e6, patience=float("inf")) == [("retry", 30.0, None)]


def test_a_short_ladder_does_not_cause_rapid_retries() -> None:
    ended = refused_at_the_top(failing_for=300, patience=600, ladder=(0.1, 0.2))
    assert ended == [("retry", DEFERRAL, None)]


@pytest.mark.parametrize(
    ("failing_for", "patience"),
    [(601, 600), (1, 0), (-700, 600)],
    ids=["for too long", "at fault itself", "since a time in the future"],
)
def test_a_long_lasting_refusal_is_dead_lettered(failing_for: float, patience: float) -> None:
    [(verb, reason)] = refused_at_the_top(failing_for=failing_for, patience=patience)
    assert (verb, reason) == (
        "dead_letter",
        "gave up after 4 attempts: Refused: the mail server refused it: 451 later",
    )


def test_a_refusal_with_unknown_first_failure_is_not_tolerated() -> None:
    for first in (None, Failure("no", ""), Failure("no", "yesterday"), Failure("no", "2026-01-01")):
        delivery = FakeDelivery(replace(GOOD, attempt=len(LADDER) + 1, first_failure=first))
        effect, error = FakeEffect(), Refused("mail server", "451 later", kind="451")
        error.patience = float("inf")
        effect.errors[GOOD.id] = error
        assert settle(delivery, effect, LADDER) == Outcome.DEAD_LETTERED


def test_a_refusal_below_the_last_rung_is_retried() -> None:
    delivery, effect = FakeDelivery(GOOD), FakeEffect()
    effect.errors[GOOD.id] = Refused("mail server", "451 later", kind="451")
    assert settle(delivery, effect, LADDER) == Outcome.RETRIED
    assert delivery.ended == [("retry", 1.0, "Refused: the mail server refused it: 451 later")]


def test_an_unknown_outcome_is_retried_and_noted_in_the_dead_letter() -> None:
    effect = FakeEffect()
    effect.errors[GOOD.id] = OutcomeUnknown("mail server", "no answer, it may be sent")
    first, last = FakeDelivery(GOOD), FakeDelivery(replace(GOOD, attempt=4))
    assert settle(first, effect, LADDER) == Outcome.RETRIED
    assert settle(last, effect, LADDER) == Outcome.DEAD_LETTERED
    reason = "OutcomeUnknown: no answer, it may be sent"
    assert first.ended == [("retry", 1.0, reason)]
    assert last.ended == [("dead_letter", f"gave up after 4 attempts: {reason}")]


def test_an_unknown_outcome_uses_an_attempt_even_if_unrecorded() -> None:
    def record(_message: Message, _note: Note) -> None:
        raise DatabaseUnavailable("permission denied for table history")

    effect = FakeEffect()
    effect.errors[GOOD.id] = OutcomeUnknown("mail server", "no answer, it may be sent")
    deliveries = [FakeDelivery(replace(GOOD, attempt=attempt)) for attempt in (1, 4)]
    outcomes = [settle(each, effect, LADDER, record=record) for each in deliveries]
    assert outcomes == [Outcome.RETRIED, Outcome.DEAD_LETTERED]
    assert effect.batches == [[GOOD.id], [GOOD.id]]
