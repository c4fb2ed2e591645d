"""A connection is kept between mails, and what becomes of a mail is the same as on a new one."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.email.connections import IDLE_SECONDS, MailConnections
from services.email.handler import send_confirmation
from services.email.mail_server import MailServer
from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused
from tests.builders import an_event
from tests.smtp_server import DRIP_LETTERS, DRIP_LINES, DROP, FLOOD, HANG, SmtpServer
from tests.waiting import eventually

TIMEOUT = 1.0


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(server: SmtpServer, clock: Clock) -> Iterator[MailConnections]:
    with kept_to(server, clock) as connections:
        yield connections


def send(connections: MailConnections, user: str = "usr-123") -> None:
    send_confirmation(an_event(user=user), connections, timeout=TIMEOUT, answer_timeout=TIMEOUT)


def kept_to(server: SmtpServer, clock: Clock | None = None) -> MailConnections:
    return MailConnections(MailServer(server.host, server.port), clock=clock or Clock())


def kept(connections: MailConnections) -> int:
    return len(connections._kept)


def opened(server: SmtpServer) -> int:
    return sum(command.startswith("EHLO") for command in server.commands)


def test_mails_one_after_the_other_share_a_connection(
    server: SmtpServer, connections: MailConnections
) -> None:
    for user in ("usr-1", "usr-2", "usr-3"):
        send(connections, user)
    assert opened(server) == 1
    assert server.taken == ["usr-1@example.com", "usr-2@example.com", "usr-3@example.com"]
    assert len(server.mails) == 3


def test_mails_at_the_same_time_have_a_connection_each(
    server: SmtpServer, connections: MailConnections
) -> None:
    server.delays["end"] = 0.3
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: send(connections), range(4)))
    server.delays.clear()
    for _ in range(4):
        send(connections)
    assert (opened(server), len(server.mails)) == (4, 8)


def test_one_that_was_idle_for_long_is_left_with_a_quit(
    server: SmtpServer, connections: MailConnections, clock: Clock
) -> None:
    send(connections)
    clock.now += IDLE_SECONDS
    send(connections)
    assert (opened(server), len(server.mails)) == (2, 2)
    eventually(lambda: server.commands.count("QUIT") == 1)


def test_those_that_a_burst_left_idle_end_while_another_is_in_use(
    server: SmtpServer, connections: MailConnections, clock: Clock
) -> None:
    server.delays["end"] = 0.3
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: send(connections), range(3)))
    server.delays.clear()
    for _ in range(2):
        clock.now += IDLE_SECONDS / 2
        send(connections)
    eventually(lambda: server.commands.count("QUIT") == 2)
    assert (kept(connections), opened(server)) == (1, 3)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer", [DROP, "421 idle for too long", "452 enough for today", "hello?"]
)
def test_what_ends_before_the_dot_is_sent_once_on_a_new_one(
    server: SmtpServer, connections: MailConnections, step: str, answer: str
) -> None:
    send(connections)
    server.answers_later[step] = answer
    send(connections, "usr-2")
    assert server.taken == ["usr-123@example.com", "usr-2@example.com"]
    assert (opened(server), len(server.mails)) == (2, 2)


@pytest.mark.parametrize("answer", [HANG, DRIP_LINES, DRIP_LETTERS])
def test_one_that_is_dead_without_a_sign_costs_one_attempt(
    server: SmtpServer, connections: MailConnections, answer: str
) -> None:
    send(connections)
    server.answers_later["MAIL"] = answer
    with pytest.raises(DependencyUnavailable, match=r"timed out|not done within"):
        send(connections)
    assert kept(connections) == 0
    send(connections)
    assert (opened(server), len(server.mails)) == (2, 2)


def test_a_slow_server_has_the_same_time_as_on_a_new_one(
    server: SmtpServer, connections: MailConnections
) -> None:
    server.delays["MAIL"] = 0.6 * TIMEOUT
    for _ in range(3):
        send(connections)
    assert (opened(server), len(server.mails)) == (1, 3)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_the_time_is_for_both_together(
    server: SmtpServer, connections: MailConnections, step: str
) -> None:
    send(connections)
    server.answers_later[step] = server.answers["EHLO"] = HANG
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable, match=r"timed out|not done within"):
        send(connections)
    assert time.monotonic() - began < 2 * TIMEOUT
    assert len(server.taken) == 1


def test_when_one_is_dead_the_others_are_not_tried(
    server: SmtpServer, connections: MailConnections
) -> None:
    server.delays["end"] = 0.3
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: send(connections), range(3)))
    server.delays.clear()
    server.answers_later["MAIL"] = DROP
    send(connections)
    # Three at first, and one that took the place of all of them.
    assert opened(server) == 4
    assert kept(connections) == 1


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("MAIL", "550 not from you", DependencyUnavailable),
        ("RCPT", "530 log in", DependencyUnavailable),
        ("RCPT", "550 5.1.1 no such mailbox", Refused),
        ("RCPT", "451 4.7.1 greylisted", Refused),
        ("DATA", "554 no", Refused),
        ("end", "421 closing", DependencyUnavailable),
        ("end", "554 spam", Refused),
        ("end", "452 full", Refused),
    ],
)
def test_what_the_server_says_to_everybody_means_what_it_means_on_a_new_one(
    server: SmtpServer, connections: MailConnections, step: str, answer: str, error: type[Exception]
) -> None:
    send(connections)
    server.answers[step] = answer
    with pytest.raises(error, match=answer):
        send(connections)
    # And it is not kept: the next one opens a new one.
    server.answers[step] = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on"}.get(
        step, "250 kept"
    )
    before = opened(server)
    send(connections)
    assert (opened(server) - before, len(server.mails)) == (1, 2)


@pytest.mark.parametrize("answer", [DROP, HANG, DRIP_LINES, FLOOD, "hello?", "354 go on"])
def test_without_a_reply_to_the_dot_the_outcome_is_unknown_and_nothing_is_sent_again(
    server: SmtpServer, connections: MailConnections, answer: str
) -> None:
    send(connections)
    server.answers_later["end"] = answer
    with pytest.raises(OutcomeUnknown, match="may have been sent"):
        send(connections)
    assert (len(server.taken), opened(server)) == (2, 1)
    assert kept(connections) == 0


def test_one_that_says_more_than_it_was_asked_is_not_kept(
    server: SmtpServer, connections: MailConnections
) -> None:
    server.answers["end"] = "250 kept\r\n250 and more"
    send(connections)
    assert kept(connections) == 0


def test_a_server_that_is_gone_is_unavailable() -> None:
    with (
        SmtpServer() as server,
        MailConnections(MailServer(server.host, server.port)) as connections,
    ):
        send(connections)
        server.answers_later["MAIL"] = server.answers["connect"] = DROP
        with pytest.raises(DependencyUnavailable, match="closed the connection"):
            send(connections)
        assert (len(server.taken), kept(connections)) == (1, 0)
