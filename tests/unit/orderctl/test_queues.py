"""`orderctl queues`: the messages waiting for each service."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderctl.app import create_app
from shared.transport import Message, connect


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    monkeypatch.setenv("BROKER_URL", url)
    monkeypatch.setenv("CONSUMERS", "email,sms")
    connect(url).declare(["email", "sms"])
    return url


def message(number: int) -> Message:
    return Message(
        id=f"e-{number}",
        type="order.placed",
        source="/",
        time="2026-03-04T05:06:07Z",
        key=f"ord-{number}",
        body=b"{}",
        traceparent="",
    )


def show(*words: str) -> str:
    result = CliRunner().invoke(create_app(), ["queues", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_no_messages_are_waiting(url: str) -> None:
    assert show().splitlines()[-1] == "No messages are waiting."


def test_each_service_has_its_waiting_messages(url: str) -> None:
    broker = connect(url)
    with broker.publisher() as publisher:
        publisher.publish([message(1), message(2), message(3)])
    with broker.subscribe("sms", prefetch=3) as subscription:
        done, given_up, again = subscription.receive(3, 1.0)
        done.ack()
        given_up.dead_letter("550")
        again.retry(60.0, None)

    rows = [line.split() for line in show().splitlines()]

    assert rows == [
        ["service", "ready", "retrying", "dead"],
        ["email", "3", "-", "-"],
        ["sms", "-", "1", "1"],
    ]
    assert json.loads(show("--json"))["sms"] == {"ready": 0, "retrying": 1, "dead": 1}
