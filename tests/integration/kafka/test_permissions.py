"""The permissions of each Kafka user in containers: what it needs works, and all else is denied.

Users and super users are those of docker-compose.kafka.yml, and the permissions are granted by
the topology step, as there.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shared.errors import BrokerForbids, SettingsError
from shared.topology import TopologySettings, run
from shared.transport import Broker, Delivery, Failure, Span, Subscription, connect
from shared.transport.kafka.address import address
from shop.consumers import CONSUMERS, LATECOMERS
from tests.builders import a_message
from tests.conftest import skip_or_fail
from tests.integration.kafka import denied
from tests.integration.kafka.compose_users import (
    LOGIN,
    PASSWORD,
    as_user,
    compose_access,
    compose_users,
)
from tests.integration.kafka.denied import DENIED, WAIT, Properties
from tools.servers import KafkaServer, ServerMissing

RUNG = 0.2
LADDER = (RUNG,)
SERVICES = (*CONSUMERS, *LATECOMERS)
LAYOUT = address("kafka://nowhere:9092", LADDER).layout
EVENTS = LAYOUT.events()
TOPICS = {topic.name for topic in LAYOUT.topics(SERVICES)}

UrlOf = Callable[[str], str]
BrokerOf = Callable[[str], Broker]
ClientOf = Callable[[str], Properties]


@pytest.fixture(scope="module")
def url_of() -> Iterator[UrlOf]:
    """The address for a user, of a Kafka where the topology step has run."""
    try:
        server = KafkaServer(compose_access())
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    login = "&".join(f"{name}={value}" for name, value in LOGIN.items())

    def url_of(user: str) -> str:
        return f"kafka://{user}:{PASSWORD}@127.0.0.1:{server.port}/?partitions=1&{login}"

    with server:
        for services in (CONSUMERS, LATECOMERS):
            run(topology(url_of("topology"), services))
        yield url_of


def topology(url: str, services: tuple[str, ...]) -> TopologySettings:
    return TopologySettings(
        broker_url=url, consumers=services, retry_ladder=LADDER, grant_permissions=True
    )


@pytest.fixture
def broker_of(url_of: UrlOf) -> BrokerOf:
    return lambda user: connect(url_of(user), LADDER)


@pytest.fixture
def client_of(url_of: UrlOf) -> ClientOf:
    return lambda user: denied.properties(url_of(user), user)


def own(service: str) -> set[str]:
    return {topic.name for topic in LAYOUT.topics([service])} - {EVENTS}


def others(service: str) -> list[str]:
    return [name for name in SERVICES if name != service]


def publish(broker_of: BrokerOf) -> str:
    """The id of a new event."""
    event = a_message()
    with broker_of("order-relay").publisher() as publisher:
        publisher.publish([event])
    return event.id


def receive(subscription: Subscription, id: str) -> Delivery:
    """This event; those that other tests have left are acknowledged."""
    while True:
        [delivery] = subscription.receive(1, WAIT)
        if delivery.message.id == id:
            return delivery
        delivery.ack()


def dead_letter(broker_of: BrokerOf, service: str) -> str:
    """The id of a new event that the service has given up, after a retry."""
    id = publish(broker_of)
    with broker_of(service).subscribe(service, prefetch=1) as subscription:
        receive(subscription, id).retry(RUNG, Failure.now("failed"))
        again = receive(subscription, id)
        assert again.message.attempt == 2
        again.dead_letter("given up")
    return id


def test_kafka_has_the_users_of_rabbitmq() -> None:
    definitions = json.loads(Path("deploy/rabbitmq/definitions.json").read_text())
    assert compose_users() == {user["name"] for user in definitions["users"]}


@pytest.mark.parametrize("login", [{}, as_user("email", "wrong"), as_user("somebody")])
def test_nobody_gets_in_without_the_password_of_a_user(
    client_of: ClientOf, login: dict[str, str]
) -> None:
    servers = client_of("email")["bootstrap.servers"]
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": servers, "log_level": 0, **login}).list_topics(timeout=3)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_consumes_retries_and_gives_up_what_is_its_own(
    broker_of: BrokerOf, service: str
) -> None:
    broker = broker_of(service)
    assert broker.missing([service]) == []
    id = dead_letter(broker_of, service)
    letters = broker.dead_letters(service)
    assert [letter.message.id for letter in letters.redrive()] == [id]
    depth = broker.depth(service)
    assert (depth.ready, depth.retrying, depth.dead) == (1, 0, 0)
    with broker.subscribe(service, prefetch=1) as subscription:
        receive(subscription, id).dead_letter("given up again")
    assert [letter.message.id for letter in letters.discard()] == [id]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_the_kept_events(broker_of: BrokerOf, service: str) -> None:
    id = publish(broker_of)
    assert list(broker_of(service).archive(service).read(Span()))[-1].message.id == id
    assert broker_of(service).past() is not None


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_no_other_services_topics(client_of: ClientOf, service: str) -> None:
    client = client_of(service)
    for other in others(service):
        assert denied.join(client, EVENTS, LAYOUT.group(other)) in DENIED
        for topic in own(other):
            assert denied.read(client, topic) in DENIED


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_to_its_own_topics_alone(client_of: ClientOf, service: str) -> None:
    client = client_of(service)
    for topic in TOPICS - own(service):
        assert denied.write(client, topic) in DENIED


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_that_it_may_not_see_what_others_have(
    broker_of: BrokerOf, service: str
) -> None:
    [other, *_] = others(service)
    for ask in (
        lambda: broker_of(service).missing([other]),
        lambda: broker_of(service).dead_letters(other).count(),
        lambda: broker_of(service).different([service]),
    ):
        with pytest.raises(BrokerForbids, match="authorization failed"):
            ask()


@pytest.mark.parametrize("user", [*SERVICES, "order-relay", "orderctl"])
def test_nobody_but_the_topology_step_changes_topics_or_permissions(
    url_of: UrlOf, client_of: ClientOf, user: str
) -> None:
    client = client_of(user)
    assert denied.create_topic(client, "new") in DENIED
    assert denied.delete_topic(client, LAYOUT.dead("email")) in DENIED
    assert denied.delete_topic(client, EVENTS) in DENIED
    assert denied.begin_transaction(client, user) in DENIED
    with pytest.raises(BrokerForbids):
        run(topology(url_of(user), CONSUMERS))


def test_the_relay_publishes_and_sees_what_is_missing(broker_of: BrokerOf) -> None:
    publish(broker_of)
    absent = sorted(topic.name for topic in LAYOUT.topics(["billing"]))
    missing = broker_of("order-relay").missing([*SERVICES, "billing"])
    assert sorted([EVENTS, *missing]) == absent


def test_the_relay_reads_nothing_and_writes_to_no_other_topic(client_of: ClientOf) -> None:
    client = client_of("order-relay")
    for topic in TOPICS:
        assert denied.read(client, topic) in DENIED
    for topic in TOPICS - {EVENTS}:
        assert denied.write(client, topic) in DENIED


@pytest.mark.parametrize("service", SERVICES)
def test_the_operator_looks_after_every_services_dead_letters(
    broker_of: BrokerOf, service: str
) -> None:
    one, two = dead_letter(broker_of, service), dead_letter(broker_of, service)
    operator = broker_of("orderctl")
    letters = operator.dead_letters(service)
    assert [letter.message.id for letter in letters.browse(10)] == [one, two]
    assert [letter.message.id for letter in letters.redrive({one})] == [one]
    assert [letter.message.id for letter in letters.discard()] == [two]
    assert operator.missing(SERVICES) == []
    assert operator.different(SERVICES) == []
    assert (operator.depth(service).ready, operator.depth(service).dead) == (1, 0)


def test_the_operator_publishes_events_and_takes_none(
    broker_of: BrokerOf, client_of: ClientOf
) -> None:
    with broker_of("orderctl").publisher() as publisher:
        publisher.publish([a_message()])
    client = client_of("orderctl")
    for service in SERVICES:
        assert denied.join(client, EVENTS, LAYOUT.group(service)) in DENIED
        for topic in own(service) - {LAYOUT.dead(service)}:
            assert denied.read(client, topic) in DENIED
        for topic in own(service) - {LAYOUT.dead(service), LAYOUT.redriven(service)}:
            assert denied.write(client, topic) in DENIED


def test_a_kafka_where_everybody_may_do_everything_cannot_grant(kafka_url: str) -> None:
    with pytest.raises(SettingsError, match="this Kafka has no authorizer"):
        run(topology(kafka_url, CONSUMERS))
    with pytest.raises(SettingsError, match="BROKER_URL is not kafka"):
        run(topology("sqlite:///no-such.db", CONSUMERS))
