"""The transports under test, and the only list of tests that do not apply to one of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from shared.sqlite_address import sqlite_url
from shared.transport import Broker, connect
from shared.transport.embedded.broker import EmbeddedBroker

SERVICES = ("email", "sms")
LADDER = (0.2, 0.4, 0.8)
#: Seconds. Long enough to be renewed in time on a busy machine, short enough to wait for.
LEASE = 3.0

NO_SERVER = "a file has no server that could be down; a deleted file has tests of its own"
PARTITIONS = "consumers share partitions, not messages: the owner of one receives all its messages"
HAS_PARTITIONS = "an offset belongs to a partition"
THE_PAST = "a log retains published events, and a new group begins with the oldest one"

#: For each transport, the tests that do not apply to it, with the reason.
NOT_APPLICABLE: Mapping[str, Mapping[str, str]] = {
    "embedded": {
        "test_publishing_fails_while_the_broker_is_down_and_works_afterwards": NO_SERVER,
        "test_a_consumer_that_subscribes_again_finds_its_messages": NO_SERVER,
        "test_events_can_be_read_after_a_restart": NO_SERVER,
    },
    "rabbitmq": {},
    "kafka": {
        "test_consumers_of_one_service_share_its_messages": PARTITIONS,
        "test_a_message_held_by_a_live_consumer_is_not_redelivered": PARTITIONS,
        "test_a_service_that_joins_late_receives_only_later_events": THE_PAST,
        "test_a_partition_is_refused_on_a_broker_without_partitions": HAS_PARTITIONS,
    },
}


@dataclass(frozen=True)
class Transport:
    """`connect(ladder)` may be sent to another process; `stop` and `start` act on the server."""

    connect: Callable[[Sequence[float]], Broker]
    stop: Callable[[], None]
    start: Callable[[], None]


def embedded(request: pytest.FixtureRequest) -> Transport:
    folder: Path = request.getfixturevalue("tmp_path")
    url = sqlite_url(folder / "broker.db")
    return Transport(
        connect=partial(EmbeddedBroker, url, lease=LEASE), stop=_no_server, start=_no_server
    )


def rabbitmq(request: pytest.FixtureRequest) -> Transport:
    url: str = request.getfixturevalue("amqp_url")
    server = request.getfixturevalue("rabbitmq")
    return Transport(connect=partial(connect, url), stop=server.stop, start=server.start)


def kafka(request: pytest.FixtureRequest) -> Transport:
    url: str = request.getfixturevalue("kafka_url")
    server = request.getfixturevalue("kafka")
    return Transport(connect=partial(connect, url), stop=server.stop, start=server.start)


def _no_server() -> None:
    raise AssertionError(NO_SERVER)


TRANSPORTS: Mapping[str, Callable[[pytest.FixtureRequest], Transport]] = {
    "embedded": embedded,
    "rabbitmq": rabbitmq,
    "kafka": kafka,
}


def transports_for(test: str) -> Sequence[str]:
    return [name for name in TRANSPORTS if test not in NOT_APPLICABLE[name]]
