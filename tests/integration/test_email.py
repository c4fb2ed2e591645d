"""The email service as a process, with a real SMTP sink."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update

from orderctl.stack.ports import free_port
from services.email.schema import tables
from shared.consuming.crash_suspects import MAX_STARTS
from shared.database.engine import open_database, reading, writing
from tests.builders import an_event
from tests.pipeline import Pipeline, lines, post_event, wait_ready
from tests.service_process import ServiceProcess
from tests.smtp_server import DROP, GOOD, HANG, SmtpServer
from tests.waiting import eventually, stays

inbox, starts = tables.inbox, tables.starts


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture
def smtp_port() -> str:
    return str(free_port())


@pytest.fixture
def sink(pipeline: Pipeline, smtp_port: str) -> ServiceProcess:
    """The mail sink; not started, because some tests begin without it."""
    return pipeline.simulator("mail_sink", SMTP_PORT=smtp_port)


@pytest.fixture
def email(pipeline: Pipeline, smtp_port: str) -> Iterator[ServiceProcess]:
    with pipeline.service("email", WORK_TIME="2", SMTP_PORT=smtp_port) as email:
        wait_ready(email)
        yield email


def mailed(sink: ServiceProcess) -> list[str]:
    """Ids of the mailed events, from the Message-IDs that the sink accepted."""
    mails = sink.get("/api/v1/messages?limit=1000")["messages"]
    return sorted(mail["MessageID"].removesuffix("@orders.example") for mail in mails)


def test_each_order_is_mailed_once_and_slow_mails_are_sent_in_parallel(
    pipeline: Pipeline, sink: ServiceProcess, email: ServiceProcess
) -> None:
    with sink:
        events = [an_event(user=f"usr-{number}") for number in range(64)]
        began = time.monotonic()
        pipeline.publish(*events)
        pipeline.wait_settled("email")
        # Sent one after the other they would take 128 s.
        assert time.monotonic() - began < 32
        assert mailed(sink) == sorted(event.id for event in events)
    effects = lines(email, "/effects")
    assert {effect["eventId"] for effect in effects} == {event.id for event in events}
    assert {effect["state"] for effect in effects} == {"done"}
    [effect] = email.get(f"/orders/{events[0].order.order_id}")["effects"]
    assert effect["eventId"] == events[0].id


def test_email_waits_while_the_mail_server_is_down_and_then_continues(
    pipeline: Pipeline, sink: ServiceProcess, email: ServiceProcess
) -> None:
    events = [an_event() for _ in range(3)]
    pipeline.publish(*events)
    eventually(lambda: not email.get("/health/ready")["ready"])
    assert "mail server" in email.get("/health/ready")["reason"]
    time.sleep(2)
    assert pipeline.depth("email").dead == 0
    with sink:
        pipeline.wait_settled("email")
        assert mailed(sink) == sorted(event.id for event in events)
    assert pipeline.depth("email").dead == 0
    wait_ready(email)


def test_a_stop_sends_mails_in_progress_and_leaves_the_rest(
    pipeline: Pipeline, sink: ServiceProcess, email: ServiceProcess
) -> None:
    events = [an_event() for _ in range(40)]
    with sink:
        pipeline.publish(*events)
        eventually(lambda: email.get("/health/ready")["unsettled"] == 32)
        email.end(signal.SIGTERM)
        assert len(mailed(sink)) == 32
        assert pipeline.depth("email").ready == 8
        email.start()
        pipeline.wait_settled("email")
        assert mailed(sink) == sorted(event.id for event in events)


@pytest.mark.usefixtures("email")
def test_every_valid_user_id_gives_a_mail_address(pipeline: Pipeline, sink: ServiceProcess) -> None:
    users = ["bob.", "a..b", "u" * 61 + ".", "u" * 62, "a.b_c-"]
    with sink:
        pipeline.publish(*[an_event(user=user) for user in users])
        pipeline.wait_settled("email")
        mails = sink.get("/api/v1/messages")["messages"]
    assert pipeline.depth("email").dead == 0
    assert sorted(mail["To"][0]["Address"] for mail in mails) == sorted(
        f"{user}@example.com" for user in users
    )


def test_an_event_over_http_has_one_effect_with_that_from_the_queue(
    pipeline: Pipeline, sink: ServiceProcess, email: ServiceProcess
) -> None:
    with sink:
        event = an_event()
        pipeline.publish(event)
        pipeline.wait_settled("email")
        assert post_event(email, event) == (200, {"outcome": "applied_before"})
        other = an_event()
        assert post_event(email, other) == (200, {"outcome": "applied"})
        assert mailed(sink) == sorted([event.id, other.id])


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def mailing(pipeline: Pipeline, server: SmtpServer) -> Iterator[ServiceProcess]:
    """The email service, with a mail server whose replies the test chooses."""
    settings = {"SMTP_PORT": str(server.port), "WORK_TIME": "0", "SMTP_TIMEOUT": "1"}
    with pipeline.service("email", SMTP_ANSWER_TIMEOUT="1", **settings) as email:
        wait_ready(email)
        yield email


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("answer", [DROP, HANG, "hello?"])
def test_the_ladder_limits_copies_of_a_mail_with_unknown_outcome(
    pipeline: Pipeline, server: SmtpServer, answer: str
) -> None:
    server.answers_to["usr-bad@example.com"] = {"end": answer}
    bad, good = an_event(user="usr-bad"), an_event(user="usr-good")
    pipeline.publish(bad, good)
    eventually(lambda: pipeline.depth("email").dead == 1)
    [letter] = pipeline.broker.dead_letters("email").browse(10)
    assert letter.message.id == bad.id
    reason = "gave up after 3 attempts: OutcomeUnknown: no reply to the complete mail"
    assert reason in letter.reason
    stays(lambda: server.taken.count("usr-bad@example.com") == 3)
    assert server.taken.count("usr-good@example.com") == 1


# What each stop leaves behind is checked, so that one is enough in most runs: it takes 20 s.
@pytest.mark.parametrize("stops", [1, pytest.param(MAX_STARTS, marks=pytest.mark.matrix)])
def test_stops_during_a_mail_do_not_count_as_crashes(
    pipeline: Pipeline, server: SmtpServer, stops: int
) -> None:
    """The reply takes longer than a stop, so that each stop leaves the mail in flight."""
    server.answers["end"] = HANG
    event = an_event()
    pipeline.publish(event)
    settings = {"SMTP_PORT": str(server.port), "WORK_TIME": "0", "SMTP_ANSWER_TIMEOUT": "600"}
    engine = open_database(pipeline.database_url("email"))
    for before in range(stops):
        with pipeline.service("email", **settings) as email:
            eventually(lambda before=before: len(server.taken) == before + 1)  # type: ignore[misc]
            email.send_signal(signal.SIGTERM)
            # gunicorn would kill it after 30 s.
            eventually(email.has_ended, within=28)
        assert "SIGKILL" not in email.log
        # The lease outlives the process, and no start record counts against the event.
        assert lease_and_starts(engine) == (True, 0)
        end_leases(engine)
    server.answers["end"] = GOOD["end"]
    with pipeline.service("email", **settings) as email:
        pipeline.wait_settled("email")
        assert "suspect" not in email.log
    engine.dispose()
    assert pipeline.depth("email").dead == 0
    assert (len(server.taken), len(server.mails)) == (stops + 1, 1)


def lease_and_starts(engine: Engine) -> tuple[bool, int]:
    """Whether the only mail has a lease of minutes, and the number of start records."""
    with reading(engine) as tx:
        until = tx.scalar(select(inbox.c.lease_until)) or 0.0
        return until > time.time() + 60, tx.scalar(select(func.count()).select_from(starts)) or 0


def end_leases(engine: Engine) -> None:
    """Let all leases expire."""
    with writing(engine) as tx:
        tx.execute(update(inbox).values(lease_until=0.0))


@pytest.mark.usefixtures("mailing")
def test_a_server_that_is_slow_after_the_dot_gets_each_mail_once(
    pipeline: Pipeline, server: SmtpServer
) -> None:
    server.delays["end"] = 0.8
    server.delays["EHLO"] = 0.5
    pipeline.publish(*[an_event() for _ in range(5)])
    pipeline.wait_settled("email")
    assert (len(server.mails), len(server.taken)) == (5, 5)


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("step", ["RCPT", "DATA", "end"])
def test_one_refused_mail_is_retried_and_the_others_are_sent(
    pipeline: Pipeline, server: SmtpServer, step: str
) -> None:
    server.answers_to["usr-bad@example.com"] = {step: "550 5.1.1 no such mailbox"}
    bad, others = an_event(user="usr-bad"), [an_event() for _ in range(20)]
    pipeline.publish(bad)
    eventually(lambda: sum("usr-bad" in command for command in server.commands) > 1)
    pipeline.publish(*others)
    eventually(lambda: pipeline.depth("email").dead == 1)
    [letter] = pipeline.broker.dead_letters("email").browse(10)
    assert letter.message.id == bad.id
    assert letter.reason.startswith("gave up after 3 attempts: Refused: the mail server refused it")
    eventually(lambda: len(server.mails) == 20)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "end"])
@pytest.mark.parametrize("answer", ["450 no", "452 full", "550 5.4.5 over quota", "530 log in"])
def test_an_error_sent_to_everyone_dead_letters_nothing(
    pipeline: Pipeline, server: SmtpServer, mailing: ServiceProcess, step: str, answer: str
) -> None:
    server.answers[step] = answer
    pipeline.publish(*[an_event() for _ in range(6)])
    eventually(lambda: len(server.commands) >= 3)
    stays(lambda: pipeline.depth("email").dead == 0, for_seconds=2)
    server.answers[step] = GOOD[step]
    pipeline.wait_settled("email")
    assert pipeline.depth("email").dead == 0
    assert len(server.mails) == 6


@pytest.mark.usefixtures("mailing")
def test_a_greylisted_mail_outlasts_the_ladder_and_is_accepted_in_the_end(
    pipeline: Pipeline, server: SmtpServer
) -> None:
    server.answers_to["usr-new@example.com"] = {"RCPT": "451 4.7.1 greylisted"}
    pipeline.publish(an_event(user="usr-new"))
    # The ladder of these tests has three attempts.
    eventually(lambda: sum("RCPT" in command for command in server.commands) == 4)
    pipeline.publish(*[an_event() for _ in range(5)])
    eventually(lambda: len(server.mails) == 5)
    server.answers_to.clear()
    pipeline.wait_settled("email")
    assert (len(server.mails), pipeline.depth("email").dead) == (6, 0)


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("answer", [DROP, "421 closing"])
def test_a_mail_that_makes_the_server_disconnect_does_not_stop_others(
    pipeline: Pipeline, server: SmtpServer, answer: str
) -> None:
    server.answers_to["usr-bad@example.com"] = {"RCPT": answer}
    pipeline.publish(an_event(user="usr-bad"))
    eventually(lambda: any("usr-bad" in command for command in server.commands))
    pipeline.publish(*[an_event() for _ in range(20)])
    eventually(lambda: len(server.mails) == 20)
    assert pipeline.depth("email").dead == 0
