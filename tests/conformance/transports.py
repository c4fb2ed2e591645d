"""The transports under test, and what does not apply to one of them: the only such place."""

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
#: Long enough for a busy machine to renew in time, short enough to wait for its end.
LEASE = 3.0

NO_SERVER = "a file has no server that could be away; a file that is gone has tests of its own"
PARTITIONS = "consumers share partitions, not messages: who has one has all that is in it"
HAS_PARTITIONS = "an offset is one of a partition"
THE_PAST = "a log keeps what was published, and a new group begins with the oldest of it"

#: For each transport: the tests that it does not take, and why.
NOT_APPLICABLE: Mapping[str, Mapping[str, str]] = {
    "embedded": {
        "test_publishing_is_refused_while_the_broker_is_away_and_works_afterwards": NO_SERVER,
        "test_a_consumer_that_subscribes_anew_finds_what_a_restart_left": NO_SERVER,
        "test_what_a_restart_left_can_be_read": NO_SERVER,
    },
    "rabbitmq": {},
    "kafka": {
        "test_consumers_of_one_service_share_its_messages": PARTITIONS,
        "test_what_a_living_consumer_holds_is_given_to_nobody_else": PARTITIONS,
        "test_a_service_that_joins_late_receives_only_what_comes_next": THE_PAST,
        "test_a_partition_is_refused_where_there_are_none": HAS_PARTITIONS,
    },
}


@dataclass(frozen=True)
class Transport:
    """`connect(ladder)` may be sent to another process; `stop` and `start` are the server's."""

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


def taking(test: str) -> Sequence[str]:
    return [name for name in TRANSPORTS if test not in NOT_APPLICABLE[name]]
