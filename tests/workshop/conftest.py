"""Readers of the workshop, each with a folder for their shop."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop.reader import Reader
from tools.servers import KafkaServer, RabbitMQServer


@pytest.fixture(autouse=True)
def ctrl_c() -> None:
    """Restore SIGINT, which is ignored in background jobs of a script and inherited by children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Reader]:
    with Reader("embedded", tmp_path / "demo") as reader:
        yield reader


@pytest.fixture
def on_rabbitmq(
    rabbitmq: RabbitMQServer, unique_names: Iterator[str], tmp_path: Path
) -> Iterator[Reader]:
    """A reader whose shops each use an empty virtual host."""

    def empty_host() -> str:
        return rabbitmq.create_vhost(next(unique_names))

    with Reader("rabbitmq", tmp_path / "demo", empty_host) as reader:
        yield reader


@pytest.fixture
def on_kafka(kafka: KafkaServer, unique_names: Iterator[str], tmp_path: Path) -> Iterator[Reader]:
    """A reader whose shops each use new topics with three partitions."""
    prefixes: list[str] = []

    def empty_topics() -> str:
        prefixes.append(next(unique_names).replace("_", "-"))
        return kafka.url(prefixes[-1], partitions=3)

    with Reader("kafka", tmp_path / "demo", empty_topics) as reader:
        yield reader
    for prefix in prefixes:
        kafka.forget(prefix)
