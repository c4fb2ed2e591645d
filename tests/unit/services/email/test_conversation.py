"""SMTP with a server that has several addresses, or does not read."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from orderctl.stack.ports import free_port
from services.email.smtp import Conversation
from tests.smtp_server import SmtpServer


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that accepts no connection: its backlog is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def at(*ports: int) -> Callable[..., Sequence[tuple[Any, ...]]]:
    """Resolve a name to these addresses, in this order."""
    return lambda *_, **__: [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports
    ]


def greeting(*ports: int, seconds: float = 2.0) -> str:
    with Conversation("mail", 25, seconds=seconds, look_up=at(*ports)) as conversation:
        return str(conversation.reply())


def test_an_address_that_refuses_is_skipped(server: SmtpServer) -> None:
    assert greeting(free_port(), server.port) == "220 ready"


def test_an_unresponsive_address_leaves_time_for_the_others(server: SmtpServer, deaf: int) -> None:
    assert greeting(deaf, server.port) == "220 ready"


def test_a_server_unreachable_at_all_addresses_is_unavailable() -> None:
    with pytest.raises(ConnectionRefusedError):
        greeting(free_port(), free_port())


def test_a_name_without_an_address_is_unavailable() -> None:
    with pytest.raises(OSError, match="mail has no address"):
        greeting()


def test_waiting_for_a_server_that_does_not_read_is_limited() -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        conversation = stack.enter_context(
            Conversation("mail", port, seconds=0.2, look_up=at(port))
        )
        client = stack.enter_context(listening.accept()[0])
        # Waiting for it would end in a different error.
        hanging_up = threading.Timer(5.0, client.shutdown, (socket.SHUT_RDWR,))
        hanging_up.start()
        with pytest.raises(TimeoutError):
            conversation.send(b"x" * 100_000_000)
        hanging_up.cancel()
