"""Transaction markers, and records of aborted transactions, do not count as backlog."""

import uuid

import pytest
from confluent_kafka import Producer

from shared.transport import Broker, Depth, Message, Span, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.subscription import KafkaSubscription
from tests.conformance.steps import a_message, acked, bury, ids, late, publish, take_one
from tests.conformance.transports import LADDER
from tests.integration.kafka.outside import bootstrap
from tests.waiting import eventually, stays
from tools.servers import KafkaServer

NOTHING = Depth(ready=0, retrying=0, dead=0)


@pytest.fixture
def broker(kafka_url: str) -> Broker:
    made = connect(kafka_url, LADDER)
    made.declare(["email"])
    return made


class Transaction:
    """An open transaction that has written one record to each of these topics."""

    def __init__(self, kafka: KafkaServer, *topics: str) -> None:
        self._producer = Producer({**bootstrap(kafka), "transactional.id": str(uuid.uuid4())})
        self._producer.init_transactions(20)
        self._producer.begin_transaction()
        for topic in topics:
            self._producer.produce(topic, b"{}", b"ord-1")
        assert self._producer.flush(5) == 0

    def commit(self) -> None:
        self._producer.commit_transaction(10)

    def abort(self) -> None:
        self._producer.abort_transaction(10)


def topics(prefix: str) -> list[str]:
    """All topics that the email service consumes."""
    own = f"{prefix}.order-events.email-service"
    return [f"{prefix}.order-events", f"{own}.redrive", f"{own}.retry.200ms"]


def test_the_marker_of_a_committed_transaction_is_not_backlog(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    Transaction(kafka, *topics(kafka_prefix)).commit()
    with broker.subscribe("email", prefetch=10) as subscription:
        assert [message.body for message in late(subscription, quiet=1.0)] == [b"{}"] * 3
        eventually(lambda: broker.depth("email") == NOTHING)
    assert broker.depth("email") == NOTHING


def test_an_aborted_transaction_is_neither_delivered_nor_backlog(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    publish(broker, before := a_message())
    Transaction(kafka, *topics(kafka_prefix)).abort()
    with broker.subscribe("email", prefetch=10) as subscription:
        delivery = take_one(subscription)
        # Nothing behind the unfinished event is committed.
        stays(lambda: broker.depth("email").ready > 0, for_seconds=1.0)
        delivery.ack()
        eventually(lambda: broker.depth("email") == NOTHING)
        Transaction(kafka, *topics(kafka_prefix)).abort()
        eventually(lambda: broker.depth("email") == NOTHING)
        publish(broker, after := a_message())
        assert late(subscription, quiet=1.0) == [after]
    assert delivery.message == before
    assert broker.depth("email") == NOTHING


def test_events_behind_an_open_transaction_wait_until_it_ends(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    transaction = Transaction(kafka, *topics(kafka_prefix))
    publish(broker, behind := a_message())
    with broker.subscribe("email", prefetch=10) as subscription:
        assert late(subscription, quiet=1.0) == []
        assert broker.depth("email") == Depth(ready=3, retrying=1, dead=0)
        transaction.abort()
        assert acked([take_one(subscription)]) == [behind]
        eventually(lambda: broker.depth("email") == NOTHING)


def test_an_open_transaction_is_reported_until_it_ends(
    kafka: KafkaServer, kafka_url: str, kafka_prefix: str, broker: Broker
) -> None:
    where = address(kafka_url, LADDER)
    delays = where.layout.delays("email")
    transaction = Transaction(kafka, *topics(kafka_prefix)[:1])
    with KafkaSubscription(where, "email", delays, prefetch=1, silence=0.4) as subscription:
        eventually(lambda: "a transaction is open" in (subscription.problem() or ""))
        transaction.commit()
        take_one(subscription).ack()
        eventually(lambda: subscription.problem() is None)


def test_an_aborted_transaction_hides_no_dead_letter(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    bury(broker, "email", one := a_message())
    Transaction(kafka, f"{kafka_prefix}.order-events.email-service.dlq").abort()
    bury(broker, "email", other := a_message())
    Transaction(kafka, f"{kafka_prefix}.order-events.email-service.dlq").abort()
    letters = broker.dead_letters("email")
    assert ids([letter.message for letter in letters.browse(10)]) == ids([one, other])
    assert ids([letter.message for letter in letters.redrive()]) == ids([one, other])
    assert letters.browse(10) == []


def test_a_replay_ends_at_a_transaction_at_the_end_of_the_topic(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    publish(broker, one := a_message())
    Transaction(kafka, f"{kafka_prefix}.order-events").abort()
    assert _stored(broker) == [one]
    publish(broker, other := a_message())
    Transaction(kafka, f"{kafka_prefix}.order-events")
    assert _stored(broker) == [one, other]


def _stored(broker: Broker) -> list[Message]:
    return [stored.message for stored in broker.archive("email").read(Span())]
