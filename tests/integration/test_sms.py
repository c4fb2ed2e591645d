"""The SMS service as a process, with the gateway simulator and its failure modes."""

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
from tests.sms_server import SmsServer
from tests.waiting import eventually, stays


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


def set_behaviour(gateway: ServiceProcess, **behaviour: Any) -> None:
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


def test_lost_responses_cause_no_second_text(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    set_behaviour(gateway, loseAnswerRate=1)
    events = [an_event() for _ in range(5)]
    pipeline.publish(*events)
    eventually(lambda: accepted(gateway) == ids(events))
    eventually(lambda: not sms.get("/health/ready")["ready"])
    set_behaviour(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == ids(events)
    assert pipeline.depth("sms").dead == 0


def test_late_responses_cause_no_second_text(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    set_behaviour(gateway, delaySeconds=2)
    event = an_event()
    pipeline.publish(event)
    eventually(lambda: accepted(gateway) == [event.id])
    set_behaviour(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == [event.id]


def test_a_gateway_outage_uses_no_attempt(
    pipeline: Pipeline, gateway: ServiceProcess, sms: ServiceProcess
) -> None:
    set_behaviour(gateway, failRate=1, failStatus=503)
    event = an_event()
    pipeline.publish(event)
    eventually(lambda: "503" in str(sms.get("/health/ready")["reason"]))
    gateway.end(signal.SIGTERM)
    eventually(lambda: "ConnectError" in str(sms.get("/health/ready")["reason"]))
    gateway.start()
    set_behaviour(gateway)
    pipeline.wait_settled("sms")
    assert accepted(gateway) == [event.id]
    assert pipeline.depth("sms").dead == 0


@pytest.fixture
def server(pipeline: Pipeline) -> Iterator[SmsServer]:
    with SmsServer() as server:
        yield server


@pytest.fixture
def texting(pipeline: Pipeline, server: SmsServer) -> Iterator[ServiceProcess]:
    """The SMS service, with a gateway that refuses the users that the test chooses."""
    settings = {"SMS_GATEWAY_URL": server.url, "SMS_TIMEOUT": "1", "WORK_TIME": "0"}
    with pipeline.service("sms", **settings) as sms:
        wait_ready(sms)
        yield sms


@pytest.mark.usefixtures("texting")
@pytest.mark.parametrize("status", [400, 404, 500])
def test_one_refused_text_is_retried_and_the_others_are_sent(
    pipeline: Pipeline, server: SmsServer, status: int
) -> None:
    server.statuses["usr-bad"] = status
    bad = an_event(user="usr-bad")
    pipeline.publish(bad)
    eventually(lambda: len(server.requests) > 1)
    others = [an_event() for _ in range(20)]
    pipeline.publish(*others)
    eventually(lambda: pipeline.depth("sms").dead == 1)
    [letter] = pipeline.broker.dead_letters("sms").browse(10)
    assert letter.message.id == bad.id
    assert letter.reason == (
        f"gave up after 3 attempts: Refused: the SMS gateway refused it: {status} answer"
    )
    pipeline.wait_settled("sms")
    keys = [request.key for request in server.requests if request.key != bad.id]
    assert sorted(keys) == ids(others)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 408, 409, 425, 429, 500, 503])
def test_an_error_sent_to_everyone_dead_letters_nothing(
    pipeline: Pipeline, server: SmsServer, texting: ServiceProcess, status: int
) -> None:
    server.status = status
    events = [an_event() for _ in range(6)]
    pipeline.publish(*events)
    eventually(lambda: len({request.key for request in server.requests}) >= 3)
    stays(lambda: pipeline.depth("sms").dead == 0, for_seconds=2)
    server.status = 201
    pipeline.wait_settled("sms")
    assert pipeline.depth("sms").dead == 0
    effects = lines(texting, "/effects")
    assert {effect["state"] for effect in effects} == {"done"}
    assert len(effects) == 6


@pytest.mark.usefixtures("texting")
def test_retry_after_from_the_gateway_is_respected(pipeline: Pipeline, server: SmsServer) -> None:
    server.status, server.headers = 429, {"Retry-After": "2"}
    pipeline.publish(an_event())
    eventually(lambda: len(server.requests) == 1)
    stays(lambda: len(server.requests) == 1, for_seconds=1.5)
    server.status = 201
    pipeline.wait_settled("sms")
    assert len(server.requests) == 2
