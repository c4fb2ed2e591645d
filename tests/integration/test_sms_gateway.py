"""The gateway as a process: what clients see of its moods, and what is there after `kill -9`."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.pipeline import Pipeline
from tests.service_process import ServiceProcess

TEXT = {"to": "usr-123", "text": "Your order is confirmed."}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[ServiceProcess]:
    with Pipeline(tmp_path).simulator("sms_gateway") as gateway:
        yield gateway


def send(gateway: ServiceProcess, key: str) -> int:
    headers = {"Idempotency-Key": key}
    url = gateway.url + "/messages"
    return httpx.post(url, json=TEXT, headers=headers, timeout=20).status_code


def accepted(gateway: ServiceProcess) -> list[str]:
    messages = gateway.get("/messages?limit=1000")["messages"]
    return sorted(message["idempotencyKey"] for message in messages)


def test_a_lost_answer_is_a_connection_that_breaks_off(gateway: ServiceProcess) -> None:
    httpx.put(gateway.url + "/behaviour", json={"loseAnswerRate": 1})
    with pytest.raises(httpx.TransportError):
        send(gateway, "key-1")
    httpx.delete(gateway.url + "/behaviour")
    assert send(gateway, "key-1") == 200
    assert accepted(gateway) == ["key-1"]
    assert "Traceback" not in gateway.log


def test_what_was_accepted_and_its_mood_outlive_a_kill(gateway: ServiceProcess) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = [f"key-{number}" for number in range(100)]
        assert set(threads.map(lambda key: send(gateway, key), keys)) == {201}
    httpx.put(gateway.url + "/behaviour", json={"failRate": 1, "failStatus": 503})
    gateway.end(signal.SIGKILL)
    gateway.start()
    assert accepted(gateway) == sorted(keys)
    assert send(gateway, "key-0") == 503


def test_while_many_answers_are_slow_it_can_still_be_told_otherwise(
    gateway: ServiceProcess,
) -> None:
    httpx.put(gateway.url + "/behaviour", json={"delaySeconds": 3})
    with ThreadPoolExecutor(32) as threads:
        slow = [threads.submit(send, gateway, f"key-{number}") for number in range(32)]
        time.sleep(0.5)
        began = time.monotonic()
        httpx.delete(gateway.url + "/behaviour").raise_for_status()
        assert time.monotonic() - began < 2
        assert [answer.result() for answer in slow] == [201] * 32
