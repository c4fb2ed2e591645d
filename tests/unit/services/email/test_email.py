"""The confirmation mail, and the meaning of each SMTP reply for the event."""

import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.policy import SMTP, Policy
from typing import Any

import pytest
from msgspec.structs import replace

from orderctl.stack.ports import free_port
from services.email.connections import MailConnections
from services.email.handler import CHEAP, _data, confirmation, send_confirmation
from services.email.mail_server import MailServer
from services.email.settings import EmailSettings
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

#: SMTP steps before the server has the whole mail.
BEFORE_THE_DOT = ["connect", "EHLO", "MAIL", "RCPT", "DATA"]
#: Steps in which a single refusal may or may not be about this mail.
PERHAPS_ABOUT_THE_MAIL = ["RCPT", "DATA", "end"]


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def send(
    event: Event, server: SmtpServer, *, timeout: float = 5.0, answer_timeout: float = 5.0
) -> None:
    """On a new connection."""
    with MailConnections(MailServer(server.host, server.port)) as connections:
        send_confirmation(event, connections, timeout=timeout, answer_timeout=answer_timeout)


def test_the_mail_has_customer_items_and_total(server: SmtpServer) -> None:
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


def as_the_library_makes_it(event: Event) -> EmailMessage:
    """With the modern policy, which checks, encodes and folds whatever needs it."""
    made, mail = confirmation(event), EmailMessage()
    for name in ("Message-ID", "Date", "From", "To", "Subject"):
        mail[name] = made[name]
    mail.set_content(made.get_payload())
    return mail


def read(raw: bytes, policy: "Policy[Any]") -> tuple[dict[str, str], str, bytes]:
    """What a reader of mails sees, however it travels: headers by name, the type, and the text."""
    mail = message_from_bytes(raw, policy=policy)
    headers = {name.lower(): str(value).strip() for name, value in mail.items()}
    del headers["content-transfer-encoding"]
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    return headers, mail.get_content_type(), text


@pytest.mark.parametrize("policy", [policy.default, SMTP, policy.SMTPUTF8, policy.compat32])
@pytest.mark.parametrize(
    "event",
    [
        an_event(),
        an_event(user="bob."),
        an_event(an_item(".", 1, "0.01"), user="u" * 64),
        an_event(*[an_item("p" * 64, 10_000, "99999999.99") for _ in range(100)]),
    ],
    ids=["usual", "quoted", "long", "largest"],
)
def test_it_is_the_mail_that_the_library_makes_for_every_reader(
    event: Event, policy: "Policy[Any]"
) -> None:
    ours = confirmation(event).as_bytes(policy=CHEAP)
    theirs = as_the_library_makes_it(event).as_bytes(policy=SMTP)
    assert read(ours, policy) == read(theirs, policy)
    assert message_from_bytes(ours, policy=policy).defects == []


def test_each_line_is_short_enough_for_smtp_and_in_ascii() -> None:
    event = an_event(an_item("p" * 64, 10_000, "99999999.99"), user="u" * 64)
    raw = confirmation(replace(event, id="e" * 64)).as_bytes(policy=CHEAP)
    # RFC 5321, 4.5.3.1.6.
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_repeated_mail_is_identical() -> None:
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
def test_every_user_id_gives_an_address(server: SmtpServer, user: str, local_part: str) -> None:
    send(an_event(user=user), server)
    assert f"RCPT TO:<{local_part}@example.com>" in server.commands
    mail = message_from_bytes(server.mails[0], policy=policy.default)
    [to] = mail["To"].addresses
    assert (to.username, to.domain, mail["To"].defects) == (user, "example.com", ())


def test_a_line_that_begins_with_a_dot_does_not_end_the_mail() -> None:
    mail = Message(CHEAP)
    mail.set_payload("first\n.\n.last\n")
    assert _data(mail).endswith(b"first\r\n..\r\n..last\r\n.\r\n")


@pytest.mark.parametrize("step", [*BEFORE_THE_DOT, "end"])
def test_a_421_reply_means_unavailable_and_not_accepted(server: SmtpServer, step: str) -> None:
    server.answers[step] = server.answers["HELO"] = "421 closing"
    if step != "EHLO":
        server.answers["HELO"] = "250 hello"
    with pytest.raises(DependencyUnavailable, match="mail server is unavailable: 421 closing"):
        send(an_event(), server)


@pytest.mark.parametrize("step", BEFORE_THE_DOT)
def test_a_server_that_disconnects_before_the_dot_is_unavailable(
    server: SmtpServer, step: str
) -> None:
    server.answers[step] = DROP
    with pytest.raises(DependencyUnavailable, match="mail server is unavailable: it closed"):
        send(an_event(), server)
    assert server.taken == []


@pytest.mark.parametrize("step", BEFORE_THE_DOT)
@pytest.mark.parametrize("answer", [HANG, DRIP_LINES, DRIP_LETTERS])
def test_all_steps_before_the_dot_share_one_timeout(
    server: SmtpServer, step: str, answer: str
) -> None:
    server.answers[step] = answer
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable, match=r"timed out|not done within"):
        send(an_event(), server, timeout=0.5)
    assert time.monotonic() - began < 1.5
    assert server.taken == []


def test_the_timeout_covers_the_conversation_and_not_each_step(server: SmtpServer) -> None:
    server.delay = 0.2
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server, timeout=0.5)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("step", ["EHLO", "RCPT"])
@pytest.mark.parametrize("answer", [FLOOD, LONG_LINE])
def test_a_replys_size_is_limited(server: SmtpServer, step: str, answer: str) -> None:
    server.answers[step] = answer
    with pytest.raises(DependencyUnavailable, match="longer than"):
        send(an_event(), server)


def test_a_server_has_minutes_to_reply_to_the_dot(server: SmtpServer) -> None:
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
def test_without_a_reply_to_the_dot_the_outcome_is_unknown(
    server: SmtpServer, answer: str, why: str
) -> None:
    server.answers["end"] = answer
    with pytest.raises(OutcomeUnknown, match=rf"which may have been sent.*{why}"):
        send(an_event(), server, answer_timeout=1.5)
    assert len(server.taken) == 1


@pytest.mark.parametrize("answer", ["250 kept", "252 perhaps", "250", "250-kept\r\n250 thanks"])
def test_any_reply_that_begins_with_2_accepts_the_mail(server: SmtpServer, answer: str) -> None:
    server.answers["end"] = answer
    send(an_event(), server)
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", ["450 busy", "554 no service here", "hello?"])
def test_a_refused_greeting_is_not_about_the_mail(server: SmtpServer, answer: str) -> None:
    server.answers["connect"] = answer
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)
    server.answers |= {"connect": "220 ready", "EHLO": answer, "HELO": answer}
    with pytest.raises(DependencyUnavailable):
        send(an_event(), server)


@pytest.mark.parametrize(
    "answer", ["450 busy", "451 later", "452 full", "550 5.4.5 over quota", "553 no"]
)
def test_a_refused_sender_affects_every_mail(server: SmtpServer, answer: str) -> None:
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
def test_a_required_login_affects_every_mail(server: SmtpServer, step: str, answer: str) -> None:
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
def test_another_refusal_is_ambiguous(
    server: SmtpServer, step: str, answer: str, for_now: bool
) -> None:
    server.answers[step] = answer
    said = answer.replace("\udcfc", "\ufffd")
    with pytest.raises(Refused, match=f"the mail server refused it: {said}") as refused:
        send(an_event(), server)
    assert refused.value.for_now is for_now
    assert server.mails == []


def test_refusals_with_equal_step_and_codes_are_of_one_kind(server: SmtpServer) -> None:
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
def test_an_invalid_reply_is_not_a_temporary_refusal(
    server: SmtpServer, step: str, answer: str
) -> None:
    server.answers[step] = answer
    with pytest.raises(Refused, match="not an SMTP reply") as refused:
        send(an_event(), server)
    assert refused.value.for_now is False


def test_an_unreachable_server_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable, match="refused"):
        send_to("127.0.0.1", free_port())


def test_an_unresolvable_name_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable):
        send_to("mail.invalid", 25)


def send_to(host: str, port: int) -> None:
    with MailConnections(MailServer(host, port)) as connections:
        send_confirmation(an_event(), connections, timeout=1.0, answer_timeout=1.0)


def test_a_server_with_only_helo_is_supported(server: SmtpServer) -> None:
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
    up_to_the_dot, answer = 5, 60
    assert settings.lease > 2 + up_to_the_dot + answer
