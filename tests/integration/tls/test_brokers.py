"""RabbitMQ and Kafka over TLS: events arrive, and a bad certificate stops everything."""

from collections.abc import Callable

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Broker, Failure, Span, connect
from tests.builders import a_message
from tests.certificates import Authority
from tests.integration.tls.brokers import TlsBroker
from tests.integration.tls.endpoint import presenting
from tools.servers.tls import TlsFiles

LADDER = (0.1,)
WAIT = 15.0


def publish(broker: Broker) -> None:
    with broker.publisher() as publisher:
        publisher.publish([a_message()])


#: Each of these opens a connection of its own kind.
ASKING: dict[str, Callable[[Broker], object]] = {
    "missing": lambda broker: broker.missing(["email"]),
    "publish": publish,
    "subscribe": lambda broker: broker.subscribe("email", prefetch=1),
    "dead letters": lambda broker: broker.dead_letters("email").count(),
    "archive": lambda broker: next(broker.archive("email").read(Span())),
}


@pytest.fixture
def broker(tls_broker: TlsBroker, authority: Authority) -> Broker:
    found = connect(tls_broker.url(authority.file), LADDER)
    found.declare(["email"])
    return found


def test_events_are_published_retried_and_dead_lettered(broker: Broker) -> None:
    event = a_message()
    with broker.subscribe("email", prefetch=1) as subscription:
        with broker.publisher() as publisher:
            publisher.publish([event])
        (first,) = subscription.receive(1, WAIT)
        first.retry(0.1, Failure.now("failed"))
        (second,) = subscription.receive(1, WAIT)
        assert (second.message.id, second.message.attempt) == (event.id, 2)
        second.dead_letter("given up")
    letters = broker.dead_letters("email")
    assert [letter.message.id for letter in letters.discard()] == [event.id]
    assert list(broker.archive("email").read(Span()))[-1].message == event


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_an_authority_that_is_not_trusted(
    tls_broker: TlsBroker, stranger: Authority, ask: Callable[[Broker], object]
) -> None:
    refused(tls_broker.url(stranger.file), ask, "takes the file with the certificate of its auth")


def test_the_authorities_of_the_system_are_trusted_and_no_others(tls_broker: TlsBroker) -> None:
    refused(tls_broker.url(None), ASKING["missing"], "certificate verify failed")


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_certificate_for_another_host(
    tls_broker: TlsBroker, authority: Authority, ask: Callable[[Broker], object]
) -> None:
    url = tls_broker.url(authority.file, host="127.0.0.1")
    refused(url, ask, "not valid for '127.0.0.1'.*connect by a name that is in the server's")


def test_a_certificate_that_has_expired(
    tls_broker: TlsBroker, authority: Authority, expired: TlsFiles
) -> None:
    with presenting(expired) as port:
        url = tls_broker.url(authority.file, port=port)
        refused(url, ASKING["missing"], "has expired.*renew the server's certificate")


def test_plain_text_to_a_port_for_tls(tls_broker: TlsBroker) -> None:
    url = tls_broker.without_tls(tls_broker.port)
    refused(url, ASKING["missing"], "needs amqps://|security.protocol has to fit its port")


def test_tls_to_a_port_for_plain_text(tls_broker: TlsBroker, authority: Authority) -> None:
    [_, plain] = tls_broker.plain_url.split("localhost:")
    url = tls_broker.url(authority.file, port=int(plain.split("/")[0]))
    refused(url, ASKING["missing"], "does not seem to speak TLS")


def test_a_certificate_of_the_client_is_shown(
    tls_broker: TlsBroker, authority: Authority, stranger: Authority
) -> None:
    ours, theirs = (each.issue("client", "client") for each in (authority, stranger))
    ask, port = ASKING["missing"], tls_broker.strict_port
    ask(connect(tls_broker.url(authority.file, port=port, client=ours), LADDER))
    with pytest.raises(BrokerUnavailable):
        ask(connect(tls_broker.url(authority.file, port=port, client=theirs), LADDER))


def refused(url: str, ask: Callable[[Broker], object], says: str) -> None:
    with pytest.raises(BrokerUnavailable, match=says) as caught:
        ask(connect(url, LADDER))
    assert "password" not in str(caught.value)
