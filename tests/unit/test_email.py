"""The confirmation, and what each answer of a mail server means for the event."""

import smtplib
import time
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from orderctl.ports import free_port
from services.email.handler import confirmation, send_confirmation
from services.email.settings import EmailSettings
from shared.errors import DependencyUnavailable, PermanentError, PipelineError
from shared.events import Event
from tests.builders import an_event, an_item
from tests.smtp_server import DROP, HANG, SmtpServer

#: Steps of the conversation that are about this mail.
ABOUT_THE_MAIL = ["MAIL", "RCPT", "DATA", "end"]


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def send(event: Event, server: SmtpServer, *, timeout: float = 5.0) -> None:
    send_confirmation(event, host=server.host, port=server.port, timeout=timeout)


def test_the_mail_says_who_ordered_what_for_how_much(server: SmtpServer) -> None:
    event = an_event(
        an_item("prod-456", 2, "49.99"), an_item("prod-1", 10_000, "0.1"), user="usr-7"
    )
    send(event, server)
    [raw] = server.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Message-ID"] == f"<{event.id}@orders.example>"
    assert mail["To"] == "usr-7@example.com"
    assert mail["Subject"] == f"Your order {event.order.order_id}"
    assert mail["Date"].datetime == event.time
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines()[2:] == [
        "2 x prod-456 at 49.99 = 99.98",
        "10000 x prod-1 at 0.10 = 1000.00",
        "",
        "Total: 1099.98",
    ]


def test_sent_again_it_is_the_same_mail() -> None:
    event = an_event()
    assert confirmation(event).as_bytes() == confirmation(event).as_bytes()


def test_the_longest_user_id_makes_an_address(server: SmtpServer) -> None:
    send(an_event(user="u" * 64), server)
    assert f"rcpt TO:<{'u' * 64}@example.com>" in server.commands


@pytest.mark.parametrize("step", ["connect", "EHLO", *ABOUT_THE_MAIL])
@pytest.mark.parametrize("answer", ["421 closing", DROP])
def test_a_server_that_closes_is_unavailable_at_any_step(
    server: SmtpServer, step: str, answer: str
) -> None:
    server.answers[step] = server.answers["HELO"] = answer
    if step in ABOUT_THE_MAIL:
        server.answers["HELO"] = "250 hello"
    with pytest.raises(DependencyUnavailable, match="mail server is unavailable"):
        send(an_event(), server)
    assert server.mails == []


@pytest.mark.parametrize("step", ["connect", "EHLO", *ABOUT_THE_MAIL])
def test_a_server_that_says_nothing_is_unavailable(server: SmtpServer, step: str) -> None:
    server.answers[step] = HANG
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server, timeout=0.3)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("answer", ["450 busy", "554 no service here"])
def test_a_refusal_to_talk_at_all_is_not_about_the_mail(server: SmtpServer, answer: str) -> None:
    server.answers["connect"] = answer
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)
    server.answers |= {"connect": "220 ready", "EHLO": answer, "HELO": answer}
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable, match="refused"):
        send_confirmation(an_event(), host="127.0.0.1", port=free_port(), timeout=1.0)


def test_a_name_that_nobody_knows_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable):
        send_confirmation(an_event(), host="mail.invalid", port=25, timeout=1.0)


@pytest.mark.parametrize("step", ABOUT_THE_MAIL)
def test_a_refusal_for_good_is_permanent(server: SmtpServer, step: str) -> None:
    server.answers[step] = "550 no such mailbox"
    with pytest.raises(PermanentError, match="no such mailbox"):
        send(an_event(), server)


@pytest.mark.parametrize("step", ABOUT_THE_MAIL)
def test_a_refusal_for_now_goes_up_the_ladder(server: SmtpServer, step: str) -> None:
    server.answers[step] = "451 try later"
    with pytest.raises(smtplib.SMTPException) as refused:
        send(an_event(), server)
    assert not isinstance(refused.value, PipelineError)


@pytest.mark.parametrize("answer", [HANG, DROP, "500 what?", "421 closing"])
def test_once_the_mail_is_taken_a_rude_goodbye_does_not_matter(
    server: SmtpServer, answer: str
) -> None:
    server.answers["QUIT"] = answer
    send(an_event(), server, timeout=0.5)
    assert len(server.mails) == 1


def test_a_server_that_only_knows_helo_will_do(server: SmtpServer) -> None:
    server.answers["EHLO"] = "502 what?"
    send(an_event(), server)
    assert len(server.mails) == 1


def test_the_timeout_is_for_the_whole_conversation_not_for_each_step(server: SmtpServer) -> None:
    server.delay = 0.2
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server, timeout=0.5)
    assert time.monotonic() - began < 1.5


def test_the_lease_outlasts_the_longest_call() -> None:
    settings = EmailSettings(
        broker_url="sqlite:///b", database_url="sqlite:///d", work_time=2, smtp_timeout=5
    )
    connecting_to_two_addresses, conversation = 2 * 5, 5
    assert settings.lease > 2 + connecting_to_two_addresses + conversation
