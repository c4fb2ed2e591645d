"""The system on two transports: embedded with SQLite, and RabbitMQ with PostgreSQL."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from orderctl.stack.parts import sqlite_in
from orderctl.stack.stack import Stack
from tests.e2e.shop import ENVIRONMENT, LADDER, Shop
from tests.zygote.client import fork_python


@pytest.fixture(params=["embedded", "rabbitmq"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack in which nothing is running yet; at the end every process is stopped."""
    make = {"embedded": embedded_stack, "rabbitmq": rabbitmq_stack}[request.param]
    with make(request, tmp_path) as made:
        yield made


@pytest.fixture
def shop(stack: Stack, tmp_path: Path) -> Shop:
    return Shop(stack, tmp_path / "accepted.ndjson")


def embedded_stack(_request: pytest.FixtureRequest, folder: Path) -> Stack:
    return Stack(folder / "stack", ladder=LADDER, environment=ENVIRONMENT, start=fork_python)


def rabbitmq_stack(request: pytest.FixtureRequest, folder: Path) -> Stack:
    make_url: Callable[[], str] = request.getfixturevalue("make_postgres_url")
    broker_url: str = request.getfixturevalue("amqp_url")
    # The same database for each call with the same name; the simulators use files.
    urls = cache(lambda _name: make_url())
    files = sqlite_in(folder / "stack")
    return Stack(
        folder / "stack",
        broker_url=broker_url,
        database_urls=lambda name: (
            files(name) if name in ("mail_sink", "sms_gateway") else urls(name)
        ),
        ladder=LADDER,
        environment=ENVIRONMENT,
        start=fork_python,
    )
