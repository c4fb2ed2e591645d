"""Each published message is confirmed, refused or returned, and the right one is blamed."""

from collections.abc import Callable
from typing import Any, cast

import pika
import pytest
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.message import Message
from shared.transport.rabbitmq.confirms import Batch, Confirms, Outgoing, outgoing

KEY = "order.placed"


class FakeChannel:
    """Records published messages; the test plays the broker's part."""

    def __init__(self) -> None:
        self.published: list[tuple[Any, ...]] = []

    def add_on_return_callback(self, callback: Callable[..., None]) -> None:
        self._on_return = callback

    def confirm_delivery(self, callback: Callable[..., None]) -> None:
        self._on_answer = callback

    def basic_publish(self, *published: object, mandatory: bool) -> None:
        assert mandatory
        self.published.append(published)

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        self._on_answer(Method(1, Basic.Ack(tag, multiple)))

    def nack(self, tag: int, *, multiple: bool = False) -> None:
        self._on_answer(Method(1, Basic.Nack(tag, multiple)))

    def give_back(self, tag: int) -> None:
        exchange, key, body, properties = self.published[tag - 1]
        method = Basic.Return(312, "NO_ROUTE", exchange, key)
        self._on_return(self, method, properties, body)


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def confirms(channel: FakeChannel) -> Confirms:
    return Confirms(cast(Channel, channel))


def a_message(event_id: str, *, key: str = KEY, body: bytes = b"{}") -> Outgoing:
    message = Message(id=event_id, type=key, source="/order", time="", key="", body=body)
    return outgoing(message, "order_events", key)


def sent(confirms: Confirms, *messages: Outgoing) -> Batch:
    batch = Batch(messages)
    confirms.send(batch)
    return batch


def confirmed(batch: Batch) -> frozenset[str]:
    assert batch.wait(0)
    with pytest.raises(PublishFailed) as failure:
        batch.check()
    return failure.value.confirmed


def test_a_batch_is_complete_once_each_message_is_confirmed(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("a"), a_message("b"), a_message("c"))
    channel.ack(3)
    channel.ack(1)
    assert not batch.wait(0)
    channel.ack(2)
    assert batch.wait(0)
    batch.check()


def test_a_multiple_confirm_settles_all_earlier_messages(
    channel: FakeChannel, confirms: Confirms
) -> None:
    first = sent(confirms, a_message("a"), a_message("b"))
    second = sent(confirms, a_message("c"), a_message("d"))
    channel.ack(2)
    channel.ack(3, multiple=True)
    assert first.wait(0)
    assert not second.wait(0)
    channel.ack(4)
    first.check()
    second.check()


def test_a_multiple_nack_blames_the_unconfirmed_messages(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, *map(a_message, "abcd"))
    channel.ack(2)
    channel.nack(3, multiple=True)
    channel.ack(4)
    assert confirmed(batch) == {"b", "d"}


def test_a_returned_message_is_not_confirmed_despite_its_ack(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("a"), a_message("b", key="other.thing"), a_message("c"))
    channel.give_back(2)
    channel.ack(3, multiple=True)
    assert confirmed(batch) == {"a", "c"}


def test_a_message_is_blamed_for_being_returned_not_for_a_full_queue(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("a"), a_message("b", key="other.thing"), a_message("c"))
    channel.nack(1)
    channel.give_back(2)
    channel.ack(3, multiple=True)
    with pytest.raises(PublishFailed) as failure:
        batch.check()
    assert failure.value.confirmed == {"c"}
    assert failure.value.blameless == {"a"}


def test_of_two_batches_with_one_id_the_returned_one_is_blamed(
    channel: FakeChannel, confirms: Confirms
) -> None:
    good = sent(confirms, a_message("same"))
    bad = sent(confirms, a_message("same", key="other.thing"))
    channel.give_back(2)
    channel.ack(2, multiple=True)
    good.check()
    assert confirmed(bad) == frozenset()


def test_messages_without_an_id_are_distinguished_by_their_bodies(
    channel: FakeChannel, confirms: Confirms
) -> None:
    good = sent(confirms, a_message("", body=b"one"))
    bad = sent(confirms, a_message("", body=b"two"))
    channel.give_back(2)
    channel.ack(2, multiple=True)
    good.check()
    assert confirmed(bad) == frozenset()


def test_equal_messages_that_are_all_returned_are_all_blamed(
    channel: FakeChannel, confirms: Confirms
) -> None:
    first, second = sent(confirms, a_message("same")), sent(confirms, a_message("same"))
    channel.give_back(1)
    channel.give_back(2)
    channel.ack(2, multiple=True)
    assert confirmed(first) == confirmed(second) == frozenset()


def test_an_id_sent_twice_is_confirmed_only_when_both_were(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("same"), a_message("same"), a_message("other"))
    channel.ack(1)
    channel.nack(2)
    channel.ack(3)
    assert confirmed(batch) == {"other"}


def test_a_lost_connection_leaves_the_outcome_unknown(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("a"), a_message("b"))
    channel.ack(1)
    batch.lose("the cable was cut")
    with pytest.raises(BrokerUnavailable, match="the cable was cut"):
        batch.check()


def test_unanswered_messages_of_a_lost_connection_are_not_confirmed(
    channel: FakeChannel, confirms: Confirms
) -> None:
    """Otherwise they would count as confirmed, and their rows would leave the outbox."""
    batch = sent(confirms, *map(a_message, "abc"))
    channel.nack(1)
    batch.lose("the cable was cut")
    assert batch.wait(0)
    with pytest.raises(BrokerUnavailable, match="the cable was cut"):
        batch.check()


def test_a_batch_ends_once_though_its_connection_is_lost_twice() -> None:
    ended: list[bool] = []
    batch = Batch([a_message("a")], when_done=lambda: ended.append(batch.wait(0)))
    batch.lose("the cable was cut")
    batch.lose("the connection's thread ended")
    assert ended == [False]
    with pytest.raises(BrokerUnavailable, match="the cable was cut"):
        batch.check()


def test_an_id_returned_once_and_refused_once_is_blamed(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("same"), a_message("same", key="other.thing"))
    channel.nack(1)
    channel.give_back(2)
    channel.ack(2)
    with pytest.raises(PublishFailed) as failure:
        batch.check()
    assert (failure.value.confirmed, failure.value.blameless) == (frozenset(), frozenset())


def test_a_fully_answered_batch_cannot_be_lost_later(
    channel: FakeChannel, confirms: Confirms
) -> None:
    batch = sent(confirms, a_message("a"))
    channel.ack(1)
    batch.lose("closed")
    batch.check()


def test_a_type_unusable_as_a_routing_key_is_refused_before_sending() -> None:
    with pytest.raises(PublishFailed, match="255 bytes"):
        a_message("a", key="order." + "ü" * 125)


def test_an_id_too_long_for_the_property_is_still_in_the_headers() -> None:
    message = a_message("x" * 300)
    assert message.properties.message_id is None
    assert cast(dict[str, str], message.properties.headers)["cloudEvents_id"] == "x" * 300


def test_messages_are_persistent_and_have_their_properties() -> None:
    properties: pika.BasicProperties = a_message("evt-1").properties
    assert (properties.delivery_mode, properties.content_type) == (2, "application/json")
    assert (properties.message_id, properties.type, properties.app_id) == ("evt-1", KEY, "/order")
