"""Dead letters are kept byte for byte until they are redriven or discarded."""

import hashlib
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import pytest

from shared.transport import Broker, Failure, Message
from shared.transport.message import MAX_REASON, PART
from shared.transport.moving_all import in_parts
from tests.conformance.steps import a_message, bury, drain, ids, late, messages, publish, take_one
from tests.conformance.transports import LADDER


def dead(broker: Broker, service: str = "email") -> list[Message]:
    return [letter.message for letter in broker.dead_letters(service).browse(100)]


def test_a_dead_letter_has_its_reason_its_bytes_and_its_time(broker: Broker) -> None:
    message = a_message(b"\xff\x00 broken \x80")
    bury(broker, "email", message, reason="not UTF-8: größer \N{POSTAL HORN}")
    (letter,) = broker.dead_letters("email").browse(10)
    assert letter.message == message
    assert letter.reason == "not UTF-8: größer \N{POSTAL HORN}"
    assert letter.handle == message.id
    assert Failure.now("").at[:10] >= letter.at[:10] > "2020"


def test_a_dead_letter_keeps_the_history_of_its_attempts(broker: Broker) -> None:
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], failure)
        take_one(subscription).dead_letter("attempts exhausted")
    assert dead(broker) == [message.failed(failure)]


def test_a_dead_letter_is_not_delivered(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message)
    assert drain(broker, "email", 0, quiet=1.0) == []
    assert dead(broker) == [message]


def test_a_dead_letter_belongs_to_one_service(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message)
    assert dead(broker, "sms") == []
    assert drain(broker, "sms", 1) == [message]


@pytest.mark.parametrize("body", [b"", b"\xff" * 1024 * 1024], ids=["empty", "1 MiB"])
def test_a_dead_letter_without_an_id_has_a_handle_derived_from_its_body(
    broker: Broker, body: bytes
) -> None:
    message = Message(id="", type="", source="", time="", key="", body=body)
    bury(broker, "email", message)
    (letter,) = broker.dead_letters("email").browse(10)
    assert letter.message == message
    assert letter.handle == f"sha256-{hashlib.sha256(body).hexdigest()[:16]}"
    assert broker.dead_letters("email").redrive([letter.handle]) == [letter]
    assert drain(broker, "email", 1) == [message]


def test_a_long_reason_keeps_its_beginning(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message, reason="ü" * 200_000)
    (letter,) = broker.dead_letters("email").browse(10)
    assert letter.message == message
    assert letter.reason == "ü" * MAX_REASON


def test_browsing_twice_returns_the_same_letters(broker: Broker) -> None:
    sent = messages(5)
    bury(broker, "email", *sent)
    assert dead(broker) == sent
    assert dead(broker) == sent
    assert broker.depth("email").dead == 5


def test_browsing_with_a_limit_returns_the_oldest(broker: Broker) -> None:
    sent = messages(5)
    bury(broker, "email", *sent)
    letters = broker.dead_letters("email").browse(2)
    assert [letter.message for letter in letters] == sent[:2]
    assert dead(broker) == sent


def test_browsing_many_letters_returns_all(broker: Broker) -> None:
    sent = messages(150)
    bury(broker, "email", *sent)
    letters = broker.dead_letters("email").browse(1_000)
    assert [letter.message for letter in letters] == sent


def test_a_scan_returns_all_letters_and_keeps_them(broker: Broker) -> None:
    sent = messages(7)
    bury(broker, "email", *sent)
    letters = broker.dead_letters("email")
    assert letters.count() == 7
    assert Counter(letter.handle for letter in letters.scan()) == Counter(ids(sent))
    assert dead(broker) == sent


def test_an_abandoned_scan_hides_no_letter(broker: Broker) -> None:
    sent = messages(3)
    bury(broker, "email", *sent)
    with closing(broker.dead_letters("email").scan()) as letters:
        next(letters)
    assert dead(broker) == sent


def test_a_redrive_moves_batches_oldest_first(broker: Broker) -> None:
    sent = messages(5)
    bury(broker, "email", *sent)
    letters = broker.dead_letters("email")
    assert ids([letter.message for letter in letters.redrive(most=2)]) == ids(sent[:2])
    assert ids([letter.message for letter in letters.discard(most=2)]) == ids(sent[2:4])
    assert Counter(ids(drain(broker, "email", 2))) == Counter(ids(sent[:2]))
    assert dead(broker) == sent[4:]


def peak(work: Callable[[], object]) -> int:
    """The peak of additional memory that Python used during `work`, in bytes."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_letters(broker: Broker) -> None:
    body, parts = b"x" * 8_000, 6
    for _ in range(parts):
        bury(broker, "email", *(a_message(body) for _ in range(PART)))
    letters, half_of_them = broker.dead_letters("email"), parts * PART * len(body) / 2
    assert len({letter.handle for letter in letters.scan()}) == parts * PART
    move = lambda most: letters.discard(most=most)  # noqa: E731
    for work in (
        lambda: Counter(letter.reason for letter in letters.scan()),
        lambda: letters.browse(1),
        letters.count,
        lambda: letters.redrive(["evt-unknown"]),
        lambda: [len(gone) for gone in in_parts(letters.count(), move)],
    ):
        assert peak(work) < half_of_them
    assert letters.count() == 0


def test_without_dead_letters_there_is_nothing_to_do(broker: Broker) -> None:
    letters = broker.dead_letters("email")
    assert not letters.browse(10)
    assert not letters.redrive()
    assert not letters.redrive(["evt-unknown"])
    assert not letters.discard()


def test_a_redrive_sends_all_letters_to_this_service_as_first_attempts(broker: Broker) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], Failure.now("refused"))
        take_one(subscription).dead_letter("attempts exhausted")
    assert drain(broker, "sms", 1) == [message]
    (letter,) = broker.dead_letters("email").redrive()
    assert (letter.message.id, letter.reason) == (message.id, "attempts exhausted")
    assert drain(broker, "email", 1) == [message]
    assert drain(broker, "sms", 0) == []
    assert dead(broker) == []


def test_a_message_redriven_twice_is_sent_twice_with_the_same_id(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message)
    letters = broker.dead_letters("email")
    for _ in range(2):
        assert [letter.message for letter in letters.redrive()] == [message]
        assert not letters.redrive()
        with broker.subscribe("email", prefetch=1) as subscription:
            delivery = take_one(subscription)
            assert delivery.message == message
            delivery.dead_letter("broken again")
            assert late(subscription) == []
    assert [(letter.message, letter.reason) for letter in letters.browse(10)] == [
        (message, "broken again")
    ]


def test_two_dead_letters_with_one_id_are_redriven_together(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message, message)
    assert len(broker.dead_letters("email").redrive([message.id])) == 2
    assert drain(broker, "email", 2) == [message, message]


def test_a_redrive_by_handle_keeps_the_other_letters(broker: Broker) -> None:
    sent = messages(5)
    bury(broker, "email", *sent)
    chosen = [sent[1].id, sent[3].id, "evt-unknown"]
    redriven = broker.dead_letters("email").redrive(chosen)
    assert sorted(letter.handle for letter in redriven) == sorted(chosen[:2])
    assert sorted(ids(drain(broker, "email", 2))) == sorted(chosen[:2])
    assert sorted(ids(dead(broker))) == sorted(ids([sent[0], sent[2], sent[4]]))


def test_a_redrive_reaches_a_running_consumer(broker: Broker) -> None:
    sent = messages(20)
    bury(broker, "email", *sent)
    with broker.subscribe("email", prefetch=3) as subscription:
        assert len(broker.dead_letters("email").redrive()) == 20
        assert sorted(ids(late(subscription, quiet=1.0))) == sorted(ids(sent))


def test_a_redrive_of_no_handles_sends_nothing(broker: Broker) -> None:
    message = a_message()
    bury(broker, "email", message)
    assert not broker.dead_letters("email").redrive([])
    assert dead(broker) == [message]


def test_discarding_by_handle_keeps_the_other_letters(broker: Broker) -> None:
    sent = messages(3)
    bury(broker, "email", *sent)
    discarded = broker.dead_letters("email").discard([sent[1].id])
    assert [letter.message for letter in discarded] == [sent[1]]
    assert sorted(ids(dead(broker))) == sorted(ids([sent[0], sent[2]]))
    assert drain(broker, "email", 0) == []


def test_discarding_all_leaves_none(broker: Broker) -> None:
    sent = messages(3)
    bury(broker, "email", *sent)
    assert [letter.message for letter in broker.dead_letters("email").discard()] == sent
    assert dead(broker) == []
    assert drain(broker, "email", 0) == []
