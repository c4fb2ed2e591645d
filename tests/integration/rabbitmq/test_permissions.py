"""RabbitMQ permissions in the containers: each user can do its work and nothing else.

The users and their permissions come from the file that docker-compose.yml mounts; the virtual host
is private to these tests.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import BrokerForbids, BrokerUnavailable
from shared.transport import Broker, Failure, Span, connect
from shared.transport.names import (
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    EVENTS_STREAM,
    REPLAY_EXCHANGE,
    RETRY_EXCHANGE,
    dead_letter_queue,
    end_mark,
    guard,
    retry_queue,
    work_queue,
)
from shared.transport.rabbitmq.topology import EXCHANGES, names
from shared.transport.rabbitmq.wire import brief_channel
from shop.consumers import CONSUMERS, LATECOMERS
from tests.builders import a_message
from tools.servers import RabbitMQServer

DEFINITIONS = Path("deploy/rabbitmq/definitions.json")
PASSWORD = "password"
RUNG = 0.2
LADDER = (RUNG,)
WAIT = 10.0
SERVICES = (*CONSUMERS, *LATECOMERS)
QUEUES = [name for service in SERVICES for name in names(service, LADDER)]

UrlOf = Callable[[str], str]
BrokerOf = Callable[[str], Broker]


@pytest.fixture(scope="module")
def url_of(rabbitmq_server: RabbitMQServer, unique_names: Iterator[str]) -> UrlOf:
    """The URL for a user, in a virtual host where everything is declared."""
    vhost = next(unique_names)
    # A test of another module may have left it stopped.
    rabbitmq_server.start()
    rabbitmq_server.import_definitions(definitions(vhost))

    def url_of(user: str) -> str:
        return rabbitmq_server.url(vhost).replace("guest:guest", f"{user}:{PASSWORD}")

    connect(url_of("topology"), LADDER).declare(SERVICES)
    return url_of


@pytest.fixture
def broker_of(url_of: UrlOf) -> BrokerOf:
    """The broker for a user; every queue is empty."""
    with brief_channel(url_of("admin"), "tests") as channel:
        for queue in QUEUES:
            channel.queue_purge(queue)
    return lambda user: connect(url_of(user), LADDER)


def definitions(vhost: str) -> dict[str, Any]:
    text = re.sub(r"\$\{\w+_PASSWORD\}", PASSWORD, DEFINITIONS.read_text())
    found: dict[str, Any] = json.loads(text.replace('"orders"', f'"{vhost}"'))
    return found


def refused(url: str, act: Callable[[BlockingChannel], object]) -> None:
    """Assert that the broker refuses `act` with status 403."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker) as caught:
            act(channel)
    assert caught.value.reply_code == 403, caught.value


def publishing(exchange: str, routing_key: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.basic_publish(exchange, routing_key, b"{}", mandatory=True)


def getting(queue: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.basic_get(queue)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_consumes_retries_and_dead_letters_its_own_events(
    broker_of: BrokerOf, service: str
) -> None:
    broker = broker_of(service)
    with broker_of("order-relay").publisher() as publisher:
        publisher.publish([a_message()])
    with broker.subscribe(service, prefetch=1) as subscription:
        (first,) = subscription.receive(1, WAIT)
        first.retry(RUNG, Failure.now("failed"))
        (second,) = subscription.receive(1, WAIT)
        assert (second.message.id, second.message.attempt) == (first.message.id, 2)
        second.dead_letter("given up")
    assert [letter.reason for letter in broker.dead_letters(service).browse(10)] == ["given up"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_redrives_and_discards_its_own_dead_letters(
    broker_of: BrokerOf, service: str
) -> None:
    broker = broker_of(service)
    one, two = dead_letter(broker_of, service, 2)
    letters = broker.dead_letters(service)
    assert [letter.message.id for letter in letters.redrive({one})] == [one]
    assert [letter.message.id for letter in letters.discard()] == [two]
    depth = broker.depth(service)
    assert (depth.ready, depth.retrying, depth.dead) == (1, 0, 0)


def dead_letter(broker_of: BrokerOf, service: str, number: int) -> list[str]:
    """Put `number` events into the service's dead letter queue; returns their ids."""
    events = [a_message() for _ in range(number)]
    with broker_of("order-relay").publisher() as publisher:
        publisher.publish(events)
    with broker_of(service).subscribe(service, prefetch=1) as subscription:
        for _ in events:
            (delivery,) = subscription.receive(1, WAIT)
            delivery.dead_letter("given up")
    return [event.id for event in events]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_no_other_services_queue(broker_of: BrokerOf, service: str) -> None:
    broker = broker_of(service)
    for other in others(service):
        with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED"):
            broker.subscribe(other, prefetch=1)
        with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED"):
            broker.dead_letters(other).browse(1)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_to_no_other_services_queue(url_of: UrlOf, service: str) -> None:
    for other in others(service):
        refused(url_of(service), publishing(RETRY_EXCHANGE, work_queue(other)))
        refused(url_of(service), publishing(RETRY_EXCHANGE, retry_queue(other, RUNG)))
        refused(url_of(service), publishing(DEAD_LETTER_EXCHANGE, dead_letter_queue(other)))
        refused(url_of(service), publishing("", work_queue(other)))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_publishes_no_event(url_of: UrlOf, service: str) -> None:
    refused(url_of(service), publishing(EVENTS_EXCHANGE, "order.placed"))


@pytest.mark.parametrize("user", [*SERVICES, "order-relay", "orderctl"])
def test_only_the_topology_step_may_declare_bind_or_delete(url_of: UrlOf, user: str) -> None:
    queue = work_queue(user if user in SERVICES else "email")
    refused(url_of(user), lambda channel: channel.queue_declare("new"))
    refused(url_of(user), lambda channel: channel.queue_declare(queue, durable=True))
    refused(url_of(user), lambda channel: channel.exchange_declare("new", "topic"))
    refused(url_of(user), lambda channel: channel.queue_bind(queue, EVENTS_EXCHANGE, "order.*"))
    refused(url_of(user), lambda channel: channel.queue_delete(queue))
    refused(url_of(user), lambda channel: channel.exchange_delete(EVENTS_EXCHANGE))
    refused(url_of(user), lambda channel: channel.queue_delete(EVENTS_STREAM))


def test_the_relay_publishes_and_lists_missing_queues(broker_of: BrokerOf) -> None:
    relay = broker_of("order-relay")
    with relay.publisher() as publisher:
        publisher.publish([a_message()])
    absent = [guard(work_queue("billing")), *names("billing", LADDER)]
    assert relay.missing([*SERVICES, "billing"]) == absent
    assert [relay.depth(service).ready for service in SERVICES] == [1] * len(SERVICES)


def test_the_relay_reads_nothing_and_writes_to_no_queue(url_of: UrlOf) -> None:
    for queue in QUEUES:
        refused(url_of("order-relay"), getting(queue))
        refused(url_of("order-relay"), publishing(RETRY_EXCHANGE, queue))
        refused(url_of("order-relay"), publishing(DEAD_LETTER_EXCHANGE, queue))
    refused(url_of("order-relay"), publishing(EVENTS_EXCHANGE, "something.else"))


@pytest.mark.parametrize("service", SERVICES)
def test_the_operator_redrives_and_discards_every_services_dead_letters(
    broker_of: BrokerOf, service: str
) -> None:
    one, two = dead_letter(broker_of, service, 2)
    operator = broker_of("orderctl")
    letters = operator.dead_letters(service)
    assert {letter.message.id for letter in letters.browse(10)} == {one, two}
    assert [letter.message.id for letter in letters.redrive({one})] == [one]
    assert [letter.message.id for letter in letters.discard()] == [two]
    assert operator.missing(SERVICES) == []
    assert (operator.depth(service).ready, operator.depth(service).dead) == (1, 0)


def test_the_operator_may_publish_order_placed(broker_of: BrokerOf) -> None:
    operator = broker_of("orderctl")
    with operator.publisher() as publisher:
        publisher.publish([a_message()])
    assert [operator.depth(service).ready for service in SERVICES] == [1] * len(SERVICES)


def test_the_operator_reads_no_work_queue_and_publishes_no_other_event(url_of: UrlOf) -> None:
    for service in SERVICES:
        refused(url_of("orderctl"), getting(work_queue(service)))
        refused(url_of("orderctl"), publishing(RETRY_EXCHANGE, retry_queue(service, RUNG)))
        refused(url_of("orderctl"), publishing(DEAD_LETTER_EXCHANGE, dead_letter_queue(service)))
    refused(url_of("orderctl"), publishing(EVENTS_EXCHANGE, "order.cancelled"))


def test_comparing_queues_without_the_right_to_declare_raises_broker_forbids(
    broker_of: BrokerOf,
) -> None:
    with pytest.raises(BrokerForbids, match="ACCESS_REFUSED"):
        broker_of("orderctl").different(SERVICES)
    assert broker_of("topology").different(SERVICES) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_the_stream_and_publishes_only_its_own_marks(
    broker_of: BrokerOf, url_of: UrlOf, service: str
) -> None:
    event = a_message()
    with broker_of("order-relay").publisher() as publisher:
        publisher.publish([event])
    # The stream also has the events of earlier tests.
    assert list(broker_of(service).archive(service).read(Span()))[-1].message == event
    for other in others(service):
        refused(url_of(service), publishing(REPLAY_EXCHANGE, end_mark(other)))
    refused(url_of(service), publishing(REPLAY_EXCHANGE, "order.placed"))
    refused(url_of(service), publishing("", EVENTS_STREAM))


@pytest.mark.parametrize("user", ["order-relay", "orderctl"])
def test_the_relay_and_the_operator_cannot_read_the_stream(
    broker_of: BrokerOf, url_of: UrlOf, user: str
) -> None:
    with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED"):
        next(broker_of(user).archive("email").read(Span()))
    refused(url_of(user), publishing(REPLAY_EXCHANGE, end_mark("email")))


def test_the_topology_step_publishes_nothing(url_of: UrlOf) -> None:
    for exchange in EXCHANGES:
        for key in ("order.placed", *QUEUES):
            refused(url_of("topology"), publishing(exchange, key))


def others(service: str) -> list[str]:
    return [name for name in SERVICES if name != service]
