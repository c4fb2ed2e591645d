"""Whoever of ours asks a neighbour: an answer that comes a byte at a time is not waited for."""

import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from services.dashboard.neighbours import Neighbour, NoAnswer, open_client
from services.order.journey import Consumers
from services.order.modes import Mode
from services.order.stages import TIMED_OUT, Stages
from tests.builders import a_message
from tests.sms_server import DRIP_BODY, DRIP_HEADERS, DRIP_STATUS, SmsServer

DRIPS = [DRIP_STATUS, DRIP_HEADERS, DRIP_BODY]


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[SmsServer]:
    with SmsServer() as server:
        server.status = request.param
        yield server


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_a_stage_that_drips_has_timed_out(dripping: SmsServer) -> None:
    stages = Stages({"email": dripping.url}, timeout=0.5, orders=1)
    began = time.monotonic()
    [stage] = stages.run(Mode.SYNC, a_message())
    assert stage.outcome == TIMED_OUT
    assert time.monotonic() - began < stages.longest(Mode.SYNC)


def test_a_journey_does_not_wait_for_a_service_that_drips(dripping: SmsServer) -> None:
    consumers = Consumers({"email": dripping.url})
    assert seconds_of(lambda: consumers.ask("ord-1")) < 4
    assert consumers.ask("ord-1")["email"].state == "unknown"


def test_the_dashboard_does_not_wait_for_a_service_that_drips(dripping: SmsServer) -> None:
    neighbour = Neighbour("email", dripping.url, SecretStr("t" * 16), open_client(0.5))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="in time"):
        neighbour.send("GET", "/activity")
    assert time.monotonic() - began < 2
