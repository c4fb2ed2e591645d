"""A changed ladder, deleted records, a stuck thread and a failed login."""

import re
import threading

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Depth, Failure, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.assigned_partitions import AssignedPartitions
from shared.transport.kafka.group_member import Member
from tests.conformance.steps import a_message, acked, drain, messages, publish, take, take_one
from tests.conformance.transports import LADDER
from tests.integration.kafka.outside import delete_before
from tests.waiting import eventually
from tools.servers import KafkaServer


def test_a_waiting_retry_is_redelivered_after_the_ladder_was_changed(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    before = connect(kafka.url(kafka_prefix, partitions=1), (0.2, 0.4))
    before.declare(["email"])
    publish(before, message := a_message())
    with before.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(0.2, failure := Failure.now("refused"))
    after = connect(kafka.url(kafka_prefix, partitions=1), (0.3, 0.4))
    after.declare(["email"])
    assert after.depth("email") == Depth(ready=0, retrying=1, dead=0)
    assert drain(after, "email", 1) == [message.failed(failure)]


def test_events_deleted_before_they_were_read_are_reported(
    kafka: KafkaServer, kafka_prefix: str, kafka_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = connect(kafka_url, LADDER)
    broker.declare(["email"])
    sent = messages(9)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=2) as subscription:
        acked(take(subscription, 2))
    capsys.readouterr()
    delete_before(kafka, f"{kafka_prefix}.order-events", 6)
    assert drain(broker, "email", 3) == sent[6:]
    logged = [line for line in capsys.readouterr().out.splitlines() if "events.gone" in line]
    assert len(logged) == 1
    assert "count=4" in re.sub(r"\x1b\[[0-9;]*m", "", logged[0])


def test_a_stuck_polling_thread_is_reported(kafka_url: str) -> None:
    connect(kafka_url, LADDER).declare(["email"])
    where, changed = address(kafka_url, LADDER), threading.Condition()
    delays = where.layout.delays("email")
    member = Member(where, "email", delays, AssignedPartitions(delays), changed, silence=0.2)
    eventually(lambda: member.problem() is None)
    with changed:
        eventually(lambda: "has hung for" in (member.problem() or ""))
    eventually(lambda: member.problem() is None)
    member.close()


def test_a_failed_login_is_reported_without_the_password(kafka: KafkaServer) -> None:
    # This broker supports no SASL mechanism at all.
    login = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}
    query = "&".join(f"{name}={value}" for name, value in login.items())
    broker = connect(f"kafka://shop:secret@127.0.0.1:{kafka.port}?{query}", LADDER)
    for ask in (lambda: broker.missing(["email"]), broker.dead_letters("email").redrive):
        with pytest.raises(BrokerUnavailable, match="SASL PLAIN mechanism handshake") as caught:
            ask()
        assert "secret" not in str(caught.value)
