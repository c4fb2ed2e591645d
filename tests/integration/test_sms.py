"""The SMS service as a process, with the gateway and its moods at the other end."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.events import Event
from tests.builders import an_event
from tests.pipeline import Pipeline, lines, wait_ready
from tests.service_process import ServiceProcess
from tests.waiting import eventually


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture
def gateway(pipeline: Pipeline) -> Iterator[ServiceProcess]:
    with pipeline.simulator("sms_gateway") as gateway:
        yield gateway


@pytest.fixture
def sms(pipeline: Pipeline, gateway: ServiceProcess) -> Iterator[ServiceProcess]:
    settings = {"SMS_GATEWAY_URL": gateway.url, "SMS_TIMEOUT": "1", "WORK_TIME": "0.1"}
    with pipeline.service("sms", **settings) as sms:
        wait_ready(sms)
        yield sms


def tell(gateway: ServiceProcess, **behaviour: Any) -> None:
    httpx.put(gateway.url + "/behaviour", json=behaviour).raise_for_status()


def accepted(gateway: ServiceProcess) -> list[str]:
    messages = gateway.get("/messages?limit=1000")["messages"]
    return sorted(message["idempotencyKey"] for message in messages)


def ids(events: list[Event]) -> list[str]:
    return sorted(event.id for event in events)


def test_each_order_is_texted_once(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    events = [an_event() for _ in range(20)]
    pipeline.publish(*events)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == ids(events)
    assert {effect["state"] for effect in lines(sms, "/effects")} == {"done"}


def test_lost_answers_lead_to_no_second_text(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    tell(gateway, loseAnswerRate=1)
    events = [an_event() for _ in range(5)]
    pipeline.publish(*events)
    eventually(lambda: accepted(gateway) == ids(events))
    eventually(lambda: not sms.get("/health/ready")["ready"])
    tell(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == ids(events)
    assert pipeline.depth("sms").dead == 0


def test_answers_that_come_too_late_lead_to_no_second_text(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    tell(gateway, delaySeconds=2)
    event = an_event()
    pipeline.publish(event)
    eventually(lambda: accepted(gateway) == [event.id])
    tell(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == [event.id]


def test_a_gateway_that_is_away_uses_no_attempt(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    tell(gateway, failRate=1, failStatus=503)
    event = an_event()
    pipeline.publish(event)
    eventually(lambda: "503" in str(sms.get("/health/ready")["reason"]))
    gateway.end(signal.SIGTERM)
    eventually(lambda: "ConnectError" in str(sms.get("/health/ready")["reason"]))
    gateway.start()
    tell(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == [event.id]
    assert pipeline.depth("sms").dead == 0


def test_a_gateway_that_fails_leads_up_the_ladder_and_a_redrive_sends_once(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    tell(gateway, failRate=1)
    event = an_event()
    pipeline.publish(event)
    eventually(lambda: pipeline.depth("sms").dead == 1)
    letters = pipeline.broker.dead_letters("sms")
    [letter] = letters.browse(10)
    assert "gave up after 3 attempts: HTTPStatusError" in letter.reason
    tell(gateway)
    letters.redrive()
    pipeline.wait_settled("sms")
    assert accepted(gateway) == [event.id]
