"""Notices to a service after its dead letters were redriven or discarded at the broker."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from msgspec.structs import replace
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData, select
from typer.testing import CliRunner

from orderctl.app import create_app as create_orderctl
from orderctl.dlq.notice import EVENTS_AT_ONCE, Notice, notify_service
from orderctl.settings import ConsumerAddresses
from orderctl.stack.ports import free_ports
from shared.consuming.history import History, history_table
from shared.database.engine import open_database, reading
from shared.database.schema import create_schema
from shared.http.app import create_app
from shared.http.operator_auth import operators_only
from shared.service.dead_letter_views import MOST_AT_ONCE, dead_letter_views
from shared.transport import DeadLetter, Message, connect
from tests.builders import THE_TIME, a_message

metadata = MetaData()
table = history_table(metadata)
TOKEN = SecretStr("a-token-for-operators")
LATER = "its journeys show these orders as dead-lettered until it handles them"


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Flask:
    """The HTTP views of a service that receive notices."""
    broker = connect(f"sqlite:///{tmp_path / 'broker.db'}")
    app = create_app()
    app.register_blueprint(
        dead_letter_views(
            lambda: broker.dead_letters("email"), History(engine, table), operators_only(TOKEN)
        )
    )
    return app


def addresses(token: SecretStr | None = TOKEN) -> ConsumerAddresses:
    """The token is explicit, so that neither the environment nor a running demo is used."""
    return ConsumerAddresses(operator_token=token)


def notice(*messages: Message, step: str = "redriven", service: str = "email") -> Notice:
    letters = [DeadLetter(message, "550", "") for message in messages]
    return Notice(service, step, THE_TIME, letters)


def to(app: Flask) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=app))


def silent() -> tuple[httpx.Client, list[httpx.Request]]:
    """A client whose requests get no response, and the list of requests."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("refused")

    return httpx.Client(transport=httpx.MockTransport(answer)), asked


def noted(engine: Engine) -> list[tuple[Any, ...]]:
    with reading(engine) as tx:
        rows = tx.execute(select(table).order_by(table.c.seq)).all()
    return [(row.event_id, row.order_id, row.step, row.at) for row in rows]


@pytest.mark.parametrize("step", ["redriven", "discarded"])
def test_the_service_records_the_step_and_its_time(
    service: Flask, engine: Engine, step: str
) -> None:
    first, second = a_message(), a_message()
    assert notify_service(to(service), addresses(), notice(first, second, step=step)) is None
    assert noted(engine) == [(each.id, each.key, step, THE_TIME) for each in (first, second)]


def test_letters_without_an_order_are_left_out(service: Flask, engine: Engine) -> None:
    good = a_message()
    foreign = [replace(a_message(), id=""), replace(a_message(), key="has spaces")]
    assert notify_service(to(service), addresses(), notice(*foreign, good)) is None
    assert [event_id for event_id, *_ in noted(engine)] == [good.id]


def test_events_with_the_longest_ids_fit_into_each_request(service: Flask, engine: Engine) -> None:
    """Both list and body are limited; one event over the limit takes a second request."""
    assert EVENTS_AT_ONCE == MOST_AT_ONCE
    ids = [f"{number:064}" for number in range(EVENTS_AT_ONCE + 1)]
    messages = [replace(a_message(), id=id, key=id) for id in ids]
    assert notify_service(to(service), addresses(), notice(*messages)) is None
    assert [event_id for event_id, *_ in noted(engine)] == ids


@pytest.mark.parametrize("token", [TOKEN, None], ids=["with a token", "without"])
def test_without_moved_letters_there_is_no_notice(token: SecretStr | None) -> None:
    client, asked = silent()
    assert notify_service(client, addresses(token), notice()) is None
    assert asked == []


def test_without_a_token_there_is_no_request_but_a_hint() -> None:
    client, asked = silent()
    said = notify_service(client, addresses(None), notice(a_message())) or ""
    assert asked == []
    assert "OPERATOR_TOKEN" in said
    assert LATER in said


def test_an_unavailable_service_is_reported() -> None:
    said = notify_service(silent()[0], addresses(), notice(a_message())) or ""
    assert (
        said == f"email was not notified (it did not respond at {addresses().email_url}): {LATER}."
    )


def test_a_discarded_event_stays_shown_as_a_dead_letter() -> None:
    said = notify_service(silent()[0], addresses(), notice(a_message(), step="discarded")) or ""
    assert said.endswith("its journeys show these orders as dead-lettered from now on.")


def test_a_wrong_token_is_refused_and_reported(service: Flask, engine: Engine) -> None:
    other = addresses(SecretStr("another-token-altogether"))
    said = notify_service(to(service), other, notice(a_message())) or ""
    assert "it responded with 401" in said
    assert noted(engine) == []


def test_a_consumer_without_a_known_address_is_reported() -> None:
    client, asked = silent()
    said = notify_service(client, addresses(), notice(a_message(), service="billing")) or ""
    assert said.startswith("billing was not notified (its address is unknown)")
    assert asked == []


@pytest.mark.parametrize("token", ["", "a-token-for-operators"])
@pytest.mark.parametrize("command", [("redrive",), ("discard", "--yes")])
def test_the_command_works_and_reports_a_failed_notice_on_one_line(
    tmp_path: Path, command: tuple[str, ...], token: str
) -> None:
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    broker = connect(url)
    broker.declare(["email"])
    with broker.publisher() as publisher, broker.subscribe("email", prefetch=1) as queue:
        publisher.publish([a_message()])
        queue.receive(1, 5.0)[0].dead_letter("550")
    environment = {
        "BROKER_URL": url,
        "CONSUMERS": "email",
        "OPERATOR_TOKEN": token,
        "EMAIL_URL": f"http://127.0.0.1:{free_ports()['email']}",
    }
    verb, *options = command
    arguments = ["dlq", verb, "email", "--all", "--json", *options]
    result = CliRunner().invoke(create_orderctl(), arguments, env=environment)
    assert result.exit_code == 0
    assert result.stderr.startswith("email was not notified (")
    assert result.stderr.count("\n") == 1
    assert broker.dead_letters("email").browse(10) == []
