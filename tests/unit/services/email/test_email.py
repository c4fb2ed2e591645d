"""The confirmation, and what each answer of a mail server means for the event."""

import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from orderctl.stack.ports import free_port
from services.email.handler import _data, confirmation, send_confirmation
from services.email.mail_server import MailServer
from services.email.settings import EmailSettings
from services.email.smtp import QUIT_SECONDS
from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused
from shared.events import Event
from tests.builders import an_event, an_item
from tests.smtp_server import (
    DRIP_LETTERS,
    DRIP_LINES,
    DROP,
    FLOOD,
    HANG,
    LONG_LINE,
    SmtpServer,
)

#: Steps of the conversation before the mail is there as a whole.
BEFORE_THE_DOT = ["connect", "EHLO", "MAIL", "RCPT", "DATA"]
#: Steps of which one reply cannot tell whether it is about this mail.
PERHAPS_ABOUT_THE_MAIL = ["RCPT", "DATA", "end"]


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def send(
    event: Event, server: SmtpServer, *, timeout: float = 5.0, answer_timeout: float = 5.0
) -> None:
    send_confirmation(
        event,
        to=MailServer(server.host, server.port),
        timeout=timeout,
        answer_timeout=answer_timeout,
    )


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
        "Total: EUR 1099.98",
    ]


def test_sent_again_it_is_the_same_mail() -> None:
    event = an_event()
    assert confirmation(event).as_bytes() == confirmation(event).as_bytes()


@pytest.mark.parametrize(
    ("user", "local_part"),
    [
        ("u" * 64, "u" * 64),
        ("a.b-c_d", "a.b-c_d"),
        ("bob.", '"bob."'),
        ("a..b", '"a..b"'),
        ("a-", "a-"),
        ("u" * 61 + ".", '"' + "u" * 61 + '."'),
    ],
)
def test_every_user_id_makes_an_address(server: SmtpServer, user: str, local_part: str) -> None:
    send(an_event(user=user), server)
    assert f"RCPT TO:<{local_part}@example.com>" in server.commands
    mail = message_from_bytes(server.mails[0], policy=policy.default)
    [to] = mail["To"].addresses
    assert (to.username, to.domain, mail["To"].defects) == (user, "example.com", ())


def test_a_line_that_begins_with_a_dot_does_not_end_the_mail() -> None:
    mail = EmailMessage()
    mail.set_content("first\n.\n.last\n")
    assert _data(mail).endswith(b"first\r\n..\r\n..last\r\n.\r\n")


@pytest.mark.parametrize("step", [*BEFORE_THE_DOT, "end"])
def test_a_server_that_is_closing_is_unavailable_and_has_not_taken_the_mail(
    server: SmtpServer, step: str
) -> None:
    server.answers[step] = server.answers["HELO"] = "421 closing"
    if step != "EHLO":
        server.answers["HELO"] = "250 hello"
    with pytest.raises(DependencyUnavailable, match="mail server is unavailable: 421 closing"):
        send(an_event(), server)


@pytest.mark.parametrize("step", BEFORE_THE_DOT)
def test_a_server_that_hangs_up_before_the_dot_is_unavailable(
    server: SmtpServer, step: str
) -> None:
    server.answers[step] = DROP
    with pytest.raises(DependencyUnavailable, match="mail server is unavailable: it closed"):
        send(an_event(), server)
    assert server.taken == []


@pytest.mark.parametrize("step", BEFORE_THE_DOT)
@pytest.mark.parametrize("answer", [HANG, DRIP_LINES, DRIP_LETTERS])
def test_what_comes_before_the_dot_is_bounded_as_a_whole(
    server: SmtpServer, step: str, answer: str
) -> None:
    server.answers[step] = answer
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable, match=r"timed out|not done within"):
        send(an_event(), server, timeout=0.5)
    assert time.monotonic() - began < 1.5
    assert server.taken == []


def test_the_timeout_is_for_the_whole_conversation_not_for_each_step(server: SmtpServer) -> None:
    server.delay = 0.2
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server, timeout=0.5)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("step", ["EHLO", "RCPT"])
@pytest.mark.parametrize("answer", [FLOOD, LONG_LINE])
def test_a_reply_is_bounded_in_size(server: SmtpServer, step: str, answer: str) -> None:
    server.answers[step] = answer
    with pytest.raises(DependencyUnavailable, match="longer than"):
        send(an_event(), server)


def test_a_server_has_minutes_to_answer_the_dot(server: SmtpServer) -> None:
    server.delays["end"] = 0.6
    send(an_event(), server, timeout=0.3)
    assert len(server.mails) == 1
    settings = EmailSettings(broker_url="sqlite:///b", database_url="sqlite:///d")
    assert settings.smtp_answer_timeout >= 120


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HANG, "timed out"),
        (DROP, "closed the connection"),
        (DRIP_LINES, r"(timed out|not done within)"),
        (FLOOD, "longer than"),
        (LONG_LINE, "longer than"),
        ("", "not an SMTP reply"),
        ("hello?", "not an SMTP reply"),
        ("250hello", "not an SMTP reply"),
        ("2 5 0", "not an SMTP reply"),
        ("650 what", "not an SMTP reply"),
        ("354 go on", "354 go on"),
    ],
)
def test_without_an_answer_to_the_dot_the_outcome_is_unknown(
    server: SmtpServer, answer: str, why: str
) -> None:
    server.answers["end"] = answer
    with pytest.raises(OutcomeUnknown, match=rf"which may have been sent.*{why}"):
        send(an_event(), server, answer_timeout=1.5)
    assert len(server.taken) == 1


@pytest.mark.parametrize("answer", ["250 kept", "252 perhaps", "250", "250-kept\r\n250 thanks"])
def test_any_answer_that_begins_with_2_takes_the_mail(server: SmtpServer, answer: str) -> None:
    server.answers["end"] = answer
    send(an_event(), server)
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", ["450 busy", "554 no service here", "hello?"])
def test_a_refusal_to_talk_at_all_is_not_about_the_mail(server: SmtpServer, answer: str) -> None:
    server.answers["connect"] = answer
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)
    server.answers |= {"connect": "220 ready", "EHLO": answer, "HELO": answer}
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)


@pytest.mark.parametrize(
    "answer", ["450 busy", "451 later", "452 full", "550 5.4.5 over quota", "553 no"]
)
def test_a_refusal_of_the_sender_is_said_to_everybody(server: SmtpServer, answer: str) -> None:
    server.answers["MAIL"] = answer
    with pytest.raises(DependencyUnavailable, match=answer):
        send(an_event(), server)


@pytest.mark.parametrize("step", ["MAIL", *PERHAPS_ABOUT_THE_MAIL])
@pytest.mark.parametrize(
    "answer",
    [
        "530 5.7.0 log in first",
        "534 5.7.9 too weak a mechanism",
        "535 5.7.8 bad password",
        "538 5.7.11 encrypt first",
    ],
)
def test_a_login_is_asked_of_everybody(server: SmtpServer, step: str, answer: str) -> None:
    server.answers[step] = answer
    with pytest.raises(DependencyUnavailable, match=answer):
        send(an_event(), server)


@pytest.mark.parametrize("step", PERHAPS_ABOUT_THE_MAIL)
@pytest.mark.parametrize(
    ("answer", "for_now"),
    [
        ("451 4.7.1 try later", True),
        ("550 5.1.1 no such mailbox", False),
        ("550 5.1.1 f\udcfcr niemanden", False),
    ],
)
def test_of_another_refusal_one_reply_cannot_tell(
    server: SmtpServer, step: str, answer: str, for_now: bool
) -> None:
    server.answers[step] = answer
    said = answer.replace("\udcfc", "\ufffd")
    with pytest.raises(Refused, match=f"the mail server refused it: {said}") as refused:
        send(an_event(), server)
    assert refused.value.for_now is for_now
    assert server.mails == []


def test_refusals_are_of_one_kind_when_step_and_codes_are_the_same(server: SmtpServer) -> None:
    def kind(step: str, answer: str) -> str:
        server.answers_to = {"usr-123@example.com": {step: answer}}
        with pytest.raises(Refused) as refused:
            send(an_event(), server)
        return refused.value.kind

    same = kind("RCPT", "550 5.1.1 no such mailbox")
    assert kind("RCPT", "550 5.1.1 <usr-1>: unknown") == same
    assert kind("RCPT", "550 no such mailbox") == kind("RCPT", "550 <usr-1>: unknown") != same
    assert kind("RCPT", "550 5.7.1 no such mailbox") != same
    assert kind("RCPT", "551 5.1.1 no such mailbox") != same
    assert kind("end", "550 5.1.1 no such mailbox") != same


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["hello?", "650 what"])
def test_what_is_no_reply_of_smtp_does_not_say_that_it_will_pass(
    server: SmtpServer, step: str, answer: str
) -> None:
    server.answers[step] = answer
    with pytest.raises(Refused, match="not an SMTP reply") as refused:
        send(an_event(), server)
    assert refused.value.for_now is False


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable, match="refused"):
        send_to("127.0.0.1", free_port())


def test_a_name_that_nobody_knows_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable):
        send_to("mail.invalid", 25)


def send_to(host: str, port: int) -> None:
    send_confirmation(an_event(), to=MailServer(host, port), timeout=1.0, answer_timeout=1.0)


@pytest.mark.parametrize("answer", [HANG, DROP, DRIP_LINES, FLOOD, "500 what?", "421 closing"])
def test_once_the_mail_is_taken_a_rude_goodbye_does_not_matter(
    server: SmtpServer, answer: str
) -> None:
    server.answers["QUIT"] = answer
    began = time.monotonic()
    send(an_event(), server)
    assert len(server.mails) == 1
    assert time.monotonic() - began < 2.5


def test_a_server_that_only_knows_helo_will_do(server: SmtpServer) -> None:
    server.answers["EHLO"] = "502 what?"
    send(an_event(), server)
    assert len(server.mails) == 1


def test_the_lease_outlasts_the_longest_call() -> None:
    settings = EmailSettings(
        broker_url="sqlite:///b",
        database_url="sqlite:///d",
        work_time=2,
        smtp_timeout=5,
        smtp_answer_timeout=60,
    )
    up_to_the_dot, answer, goodbye = 5, 60, QUIT_SECONDS
    assert settings.lease > 2 + up_to_the_dot + answer + goodbye
