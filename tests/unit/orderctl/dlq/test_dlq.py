"""The dead letter commands, on an embedded broker with dead letters."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from orderctl.app import create_app
from shared.transport import Broker, Failure, Message, connect

Run = Callable[..., Result]

GOOD = b'{"eventType": "order.placed", "totalAmount": 90071992547409.93}'


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'broker.db'}"


@pytest.fixture
def broker(url: str) -> Broker:
    broker = connect(url)
    broker.declare(["email", "sms"])
    return broker


@pytest.fixture
def run(broker: Broker, url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as in its own process."""
    monkeypatch.setenv("BROKER_URL", url)
    monkeypatch.setenv("CONSUMERS", "email,sms")
    monkeypatch.setenv("OPERATOR_TOKEN", "")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(create_app(), ["dlq", *arguments], env={"COLUMNS": "200"})

    return run


def bury(broker: Broker, event_id: str, body: bytes = GOOD, reason: str = "SMTP 550") -> None:
    """Publish an event that SMS acknowledges and email dead-letters."""
    message = Message(
        id=event_id,
        type="order.placed",
        source="/services/order",
        time="2026-01-01T00:00:00Z",
        key=f"ord-of-{event_id}",
        body=body,
        first_failure=Failure("Boom: it failed", "2026-01-01T00:00:01Z"),
    )
    with broker.publisher() as publisher:
        publisher.publish([message])
    for service in ("email", "sms"):
        with broker.subscribe(service, prefetch=1) as subscription:
            [delivery] = subscription.receive(1, 5.0)
            delivery.dead_letter(reason) if service == "email" else delivery.ack()


def document(result: Result) -> Any:
    return msgspec.json.decode(result.stdout)


def handles(broker: Broker, service: str = "email") -> list[str]:
    return [letter.handle for letter in broker.dead_letters(service).browse(100)]


def test_no_dead_letters_are_reported_in_a_sentence(run: Run) -> None:
    assert run("list").stdout == "email, sms have no dead letters.\n"
    assert run("list", "sms").stdout == "sms has no dead letters.\n"


def test_a_service_of_your_own_is_found_by_its_url(
    run: Run, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.declare(["loyalty"])
    assert "set LOYALTY_URL" in run("list", "loyalty").stderr
    monkeypatch.setenv("LOYALTY_URL", "http://127.0.0.1:8006")
    assert run("list", "loyalty").stdout == "loyalty has no dead letters.\n"


def test_a_list_shows_handle_order_and_reason(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")

    result = run("list")

    for part in ("email", "event-1", "ord-of-event-1", "SMTP 550", "dlq show email event-1"):
        assert part in result.stdout


def test_a_list_is_one_document(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")
    bury(broker, "event-2")

    assert [entry["handle"] for entry in document(run("list", "--json"))] == ["event-1", "event-2"]
    assert document(run("list", "sms", "--json")) == []
    assert len(document(run("list", "--limit", "1", "--json"))) == 1


@pytest.mark.parametrize("limit", ["1000", "1001"])
def test_a_list_of_any_length_is_one_document(run: Run, broker: Broker, limit: str) -> None:
    """Longer lists are not held in memory."""
    names = [f"event-{number}" for number in range(3)]
    for name in names:
        bury(broker, name)
    listed = run("list", "email", "--limit", limit, "--json")
    assert [entry["handle"] for entry in document(listed)] == names
    shown = run("list", "--limit", limit)
    assert shown.stdout.startswith("email: 3 dead letters\n")
    assert [name for name in names if f"  {name}  " in shown.stdout] == names


def test_a_letter_is_shown_with_its_history_and_its_body(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")

    result = run("show", "email", "event-1")

    for part in ("SMTP 550", "Boom: it failed", "90071992547409.93", "dlq redrive email event-1"):
        assert part in result.stdout


def test_a_body_that_is_not_json_is_escaped(run: Run, broker: Broker) -> None:
    bury(broker, "event-1", body=b"\x1b[2J\xff'ouch")

    assert "\\x1b[2J\\xff'ouch" in run("show", "email", "event-1").stdout


def test_a_reason_cannot_inject_terminal_escapes(run: Run, broker: Broker) -> None:
    bury(broker, "event-1", reason="\x1b[31mred [bold]fat[/bold]")

    for result in (run("list"), run("show", "email", "event-1")):
        assert "\\x1b[31mred [bold]fat[/bold]" in result.stdout


def test_a_document_contains_the_original_body(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")
    bury(broker, "event-2", body=b"\xff")

    good, bad = (run("show", "email", event, "--json") for event in ("event-1", "event-2"))

    assert "90071992547409.93" in good.stdout
    assert document(bad)["body"] is None
    assert base64.b64decode(document(bad)["bodyBase64"]) == b"\xff"


def test_a_letter_without_an_id_is_identified_by_its_digest(run: Run, broker: Broker) -> None:
    bury(broker, "", body=b"odd")
    [handle] = handles(broker)

    assert run("show", "email", handle).exit_code == 0
    assert run("redrive", "email", handle).exit_code == 0
    assert handles(broker) == []


def test_a_redrive_sends_the_named_letters_and_explains_what_follows(
    run: Run, broker: Broker
) -> None:
    bury(broker, "event-1")
    bury(broker, "event-2")

    result = run("redrive", "email", "event-1")

    assert "The service receives them as new events" in result.stdout
    assert handles(broker) == ["event-2"]
    assert broker.depth("email").ready == 1


def test_a_redrive_of_all_is_one_document(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")
    bury(broker, "event-2")

    result = run("redrive", "email", "--all", "--json")

    assert document(result) == {"service": "email", "redriven": ["event-1", "event-2"]}


def test_discarding_requires_yes(run: Run, broker: Broker) -> None:
    bury(broker, "event-1")

    refused = run("discard", "email", "--all")
    assert (refused.exit_code, handles(broker)) == (2, ["event-1"])
    assert "--yes" in refused.stderr

    assert run("discard", "email", "--all", "--yes").exit_code == 0
    assert handles(broker) == []
    assert broker.depth("email").ready == 0


@pytest.mark.parametrize(
    "command", [("show",), ("redrive",), ("discard", "--yes")], ids=lambda command: command[0]
)
def test_an_unknown_handle_changes_nothing_and_is_explained(
    run: Run, broker: Broker, command: tuple[str, ...]
) -> None:
    bury(broker, "event-1")

    verb, *options = command
    result = run(verb, "email", "event-9", *options)

    assert result.exit_code == 1
    assert "dlq list email" in result.stderr
    assert handles(broker) == ["event-1"]


@pytest.mark.parametrize("arguments", [(), ("event-1", "--all")])
def test_a_redrive_takes_handles_or_all_and_not_both(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("redrive", "email", *arguments)

    assert result.exit_code == 2
    assert "--all" in result.stderr


def test_an_unknown_service_is_refused_with_the_known_ones(run: Run) -> None:
    result = run("list", "billing")

    assert result.exit_code == 2
    assert "email, sms" in result.stderr


def test_an_error_can_be_a_document(run: Run) -> None:
    assert "event-9" in document(run("show", "email", "event-9", "--json"))["error"]


def test_the_broker_can_be_an_option(
    run: Run, broker: Broker, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(broker, "event-1")
    monkeypatch.delenv("BROKER_URL")

    assert len(document(run("list", "--broker", url, "--json"))) == 1


def test_an_unavailable_broker_is_reported_without_a_traceback(run: Run, tmp_path: Path) -> None:
    result = run("list", "--broker", f"sqlite:///{tmp_path / 'nowhere.db'}")

    assert result.exit_code == 1
    assert "BROKER_URL" in result.stderr
    assert "Traceback" not in result.output
