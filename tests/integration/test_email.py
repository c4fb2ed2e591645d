"""The email service as a process, with a real SMTP sink at the other end."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orderctl.ports import free_port
from tests.builders import an_event
from tests.pipeline import Pipeline, lines, post_event, wait_ready
from tests.service_process import ServiceProcess
from tests.waiting import eventually


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture
def smtp_port() -> str:
    return str(free_port())


@pytest.fixture
def sink(pipeline: Pipeline, smtp_port: str) -> ServiceProcess:
    """Not started: some tests begin without it."""
    return pipeline.simulator("mail_sink", SMTP_PORT=smtp_port)


@pytest.fixture
def email(pipeline: Pipeline, smtp_port: str) -> Iterator[ServiceProcess]:
    with pipeline.service("email", WORK_TIME="2", SMTP_PORT=smtp_port) as email:
        wait_ready(email)
        yield email


def mailed(sink: ServiceProcess) -> list[str]:
    """Event ids, from the message ids of what the sink accepted."""
    mails = sink.get("/api/v1/messages?limit=1000")["messages"]
    return sorted(mail["MessageID"].removesuffix("@orders.example") for mail in mails)


def test_each_order_is_confirmed_once_and_slow_mails_go_side_by_side(
    pipeline: Pipeline, sink: ServiceProcess, email: ServiceProcess
) -> None:
    with sink:
        events = [an_event(user=f"usr-{number}") for number in range(64)]
        began = time.monotonic()
        pipeline.publish(*events)
        pipeline.wait_settled("email")
        # One after the other they would take 128 s.
        assert time.monotonic() - began < 32
        assert mailed(sink) == sorted(event.id for event in events)
    effects = lines(email, "/effects")
    assert {effect["eventId"] for effect in effects} == {event.id for event in events}
    assert {effect["state"] for effect in effects} == {"done"}
    [effect] = email.get(f"/orders/{events[0].order.order_id}")["effects"]
    assert effect["eventId"] == events[0].id


def test_while_the_mail_server_is_away_it_waits_and_then_goes_on(
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


def test_a_stop_sends_what_is_in_hand_and_leaves_the_rest(
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
