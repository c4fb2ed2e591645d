"""The gateway simulator as a process: its failure modes, and its state after `kill -9`."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.pipeline import Pipeline
from tests.service_process import ServiceProcess
from tests.waiting import eventually

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


def test_a_lost_response_closes_the_connection(gateway: ServiceProcess) -> None:
    httpx.put(gateway.url + "/behaviour", json={"loseAnswerRate": 1})
    with pytest.raises(httpx.TransportError):
        send(gateway, "key-1")
    httpx.delete(gateway.url + "/behaviour")
    assert send(gateway, "key-1") == 200
    assert accepted(gateway) == ["key-1"]
    assert "Traceback" not in gateway.log


def test_accepted_texts_and_the_mode_survive_a_kill(gateway: ServiceProcess) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = [f"key-{number}" for number in range(100)]
        assert set(threads.map(lambda key: send(gateway, key), keys)) == {201}
    httpx.put(gateway.url + "/behaviour", json={"failRate": 1, "failStatus": 503})
    gateway.end(signal.SIGKILL)
    gateway.start()
    assert accepted(gateway) == sorted(keys)
    assert send(gateway, "key-0") == 503


def test_no_accepted_text_is_lost_when_it_is_killed_under_load(gateway: ServiceProcess) -> None:
    taken, killed = list[str](), threading.Event()

    def keep_sending(number: int) -> None:
        for count in itertools.count():
            key = f"key-{number}-{count}"
            try:
                if killed.is_set() or send(gateway, key) != 201:
                    return
            except httpx.TransportError:
                return
            taken.append(key)

    senders = [threading.Thread(target=keep_sending, args=(number,)) for number in range(16)]
    for sender in senders:
        sender.start()
    eventually(lambda: len(taken) > 100)
    gateway.end(signal.SIGKILL)
    killed.set()
    for sender in senders:
        sender.join()
    gateway.start()
    kept = accepted(gateway)
    assert set(taken) <= set(kept)
    # Responses that the kill cut off: at most one for each sender.
    assert len(kept) - len(taken) <= len(senders)


def test_the_mode_can_be_changed_while_many_responses_are_slow(
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
