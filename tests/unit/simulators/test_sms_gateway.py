"""The gateway accepts one text per key, stores it, and misbehaves on request."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from shared.database.engine import open_database
from shared.database.schema import create_schema
from simulators.sms_gateway.schema import metadata
from simulators.sms_gateway.views import create_gateway
from tests.builders import NO_DOCUMENTS
from tests.fakes import in_threads

TEXT = {"to": "usr-123", "text": "Your order is confirmed."}


class Dice(Random):
    """A random generator with given results."""

    def __init__(self, *falls: float) -> None:
        super().__init__()
        self.falls = list(falls)

    def random(self) -> float:
        return self.falls.pop(0)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return create_gateway(engine, rng=Random()).test_client()


def send(client: FlaskClient, body: object = TEXT, *, key: str = "key-1") -> TestResponse:
    return client.post("/messages", json=body, headers={"Idempotency-Key": key})


def accepted(client: FlaskClient) -> list[str]:
    messages = client.get("/messages?limit=1000").get_json()["messages"]
    return [message["idempotencyKey"] for message in messages]


def set_behaviour(client: FlaskClient, **behaviour: Any) -> None:
    assert client.put("/behaviour", json=behaviour).status_code == 200


def test_a_text_is_accepted_and_listed(client: FlaskClient) -> None:
    answer = send(client)
    assert answer.status_code == 201
    [message] = client.get("/messages").get_json()["messages"]
    assert message == answer.get_json()
    assert message | TEXT | {"idempotencyKey": "key-1"} == message


def test_the_same_key_and_text_get_the_first_response_again(client: FlaskClient) -> None:
    first, second = send(client), send(client)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.get_json() == first.get_json()
    assert accepted(client) == ["key-1"]


def test_the_same_key_with_another_text_is_refused(client: FlaskClient) -> None:
    send(client)
    assert send(client, TEXT | {"text": "Something else."}).status_code == 422
    assert accepted(client) == ["key-1"]


def test_eight_concurrent_requests_with_one_key_are_accepted_once(engine: Engine) -> None:
    app = create_gateway(engine, rng=Random())
    answers = in_threads(8, lambda: send(app.test_client()))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert accepted(app.test_client()) == ["key-1"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"text": "x"}, "missing required field `to`"),
        ({"to": "usr 1", "text": "x"}, "$.to"),
        ({"to": "usr-1", "text": ""}, "$.text"),
        ({"to": "usr-1", "text": "x" * 1601}, "$.text"),
        ({"to": "usr-1", "text": 1}, "$.text"),
        ({"to": "usr-1", "text": "x", "from": "me"}, "unknown field `from`"),
        ([], "Expected `object`"),
    ],
)
def test_an_invalid_body_gets_a_problem_with_its_place(
    client: FlaskClient, body: object, says: str
) -> None:
    answer = send(client, body)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert says in answer.get_json()["detail"]
    assert accepted(client) == []


@pytest.mark.parametrize("content", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
@pytest.mark.parametrize(("method", "path"), [("POST", "/messages"), ("PUT", "/behaviour")])
def test_an_unreadable_body_is_a_client_error(
    client: FlaskClient, method: str, path: str, content: bytes
) -> None:
    headers = {"Idempotency-Key": "key-1"}
    answer = client.open(path, method=method, data=content, headers=headers)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert accepted(client) == []


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_without_a_usable_key_nothing_is_accepted(client: FlaskClient, key: str) -> None:
    assert send(client, key=key).status_code == 400
    assert client.post("/messages", json=TEXT).status_code == 400
    assert accepted(client) == []


def test_the_list_has_pages(client: FlaskClient) -> None:
    for number in range(5):
        send(client, key=f"key-{number}")
    found: list[list[str]] = []
    after = "0"
    while after:
        page = client.get(f"/messages?limit=2&after={after}").get_json()
        found.append([message["idempotencyKey"] for message in page["messages"]])
        after = page["next"]
    assert found == [["key-0", "key-1"], ["key-2", "key-3"], ["key-4"]]


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "after=-9", "after=" + "9" * 30])
def test_odd_page_parameters_are_accepted(client: FlaskClient, query: str) -> None:
    send(client)
    assert client.get(f"/messages?{query}").status_code == 200


# --- failure modes ---------------------------------------------------------------------------


def test_in_failure_mode_nothing_is_accepted(client: FlaskClient) -> None:
    set_behaviour(client, failRate=1, failStatus=503)
    assert send(client).status_code == 503
    assert accepted(client) == []


def test_a_failure_rate_is_a_share_of_the_requests(engine: Engine) -> None:
    dice = Dice(0.24, 0.25, 0.9)
    client = create_gateway(engine, rng=dice).test_client()
    set_behaviour(client, failRate=0.25)
    assert [send(client).status_code for _ in range(2)] == [500, 201]
    assert dice.falls == []


def test_a_text_with_a_lost_response_is_accepted(client: FlaskClient) -> None:
    set_behaviour(client, loseAnswerRate=1)
    assert send(client).status_code == 504
    assert accepted(client) == ["key-1"]
    client.delete("/behaviour")
    assert send(client).status_code == 200
    assert accepted(client) == ["key-1"]


def test_in_slow_mode_it_waits_first(engine: Engine) -> None:
    slept: list[float] = []
    client = create_gateway(engine, rng=Random(), sleep=slept.append).test_client()
    set_behaviour(client, delaySeconds=12.5)
    assert send(client).status_code == 201
    assert slept == [12.5]


def test_its_mode_survives_a_restart_until_it_is_reset(engine: Engine) -> None:
    set_behaviour(create_gateway(engine, rng=Random()).test_client(), failRate=0.5, failStatus=502)
    restarted = create_gateway(engine, rng=Random()).test_client()
    told = {"failRate": 0.5, "failStatus": 502, "delaySeconds": 0.0, "loseAnswerRate": 0.0}
    assert restarted.get("/behaviour").get_json() == told
    restarted.delete("/behaviour")
    assert restarted.get("/behaviour").get_json()["failRate"] == 0


@pytest.mark.parametrize(
    "wrong",
    [{"failRate": 1.1}, {"failStatus": 200}, {"delaySeconds": 61}, {"failrate": 1}, {"a": 1}, 7],
)
def test_an_unknown_mode_of_the_gateway_is_refused(client: FlaskClient, wrong: object) -> None:
    assert client.put("/behaviour", json=wrong).status_code == 400
    assert client.get("/behaviour").get_json()["failRate"] == 0


def test_the_gateway_is_live_and_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").get_json() == {"ready": True, "reason": None}
