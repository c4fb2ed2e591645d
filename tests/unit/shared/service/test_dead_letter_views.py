"""Dead letters over HTTP, on an embedded broker: list, redrive, discard, and notices."""

from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData, select

from shared.consuming.history import History, history_table
from shared.database.engine import open_database, reading
from shared.database.schema import create_schema
from shared.errors import BrokerUnavailable
from shared.http.app import create_app
from shared.http.operator_auth import operators_only
from shared.service.dead_letter_views import MOST_AT_ONCE, dead_letter_views
from shared.transport import Broker, DeadLetter, Message, PartlyMoved, connect
from tests.builders import NO_DOCUMENTS, a_message

metadata = MetaData()
table = history_table(metadata)
TOKEN = "a-token-for-operators"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
AT = "2026-03-04T05:06:07Z"
EVENT = {"eventId": "evt-1", "orderId": "ord-1"}
NOTICE = {"step": "redriven", "at": AT, "events": [EVENT]}


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    broker = connect(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.declare(["email"])
    return broker


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def client(broker: Broker, engine: Engine) -> FlaskClient:
    app = create_app()
    history, guard = History(engine, table), operators_only(SecretStr(TOKEN))
    views = dead_letter_views(lambda: broker.dead_letters("email"), history, guard)
    app.register_blueprint(views)
    return app.test_client()


def bury(broker: Broker, count: int) -> list[Message]:
    """Publish events that the service dead-letters at the second attempt."""
    messages = [a_message(attempt=2) for _ in range(count)]
    with broker.publisher() as publisher, broker.subscribe("email", prefetch=count) as queue:
        publisher.publish(messages)
        for delivery in queue.receive(count, 5.0):
            delivery.dead_letter("550 no")
    return messages


def post(client: FlaskClient, path: str, body: object) -> Any:
    return client.post(f"/dead-letters/{path}", json=body, headers=AS_OPERATOR)


def noted(engine: Engine) -> list[tuple[str, str, str, int]]:
    with reading(engine) as tx:
        rows = tx.execute(select(table).order_by(table.c.seq)).all()
    return [(row.event_id, row.order_id, row.step, row.attempt) for row in rows]


def left(broker: Broker) -> list[str]:
    return [letter.handle for letter in broker.dead_letters("email").browse(100)]


def test_a_list_shows_each_letter_with_its_reason_and_keeps_it(
    client: FlaskClient, broker: Broker
) -> None:
    [message] = bury(broker, 1)
    [shown] = client.get("/dead-letters", headers=AS_OPERATOR).json["deadLetters"]  # type: ignore[index]
    assert shown.pop("at")
    assert shown == {
        "handle": message.id,
        "eventId": message.id,
        "orderId": message.key,
        "reason": "550 no",
        "attempts": 2,
        "body": message.body.decode(),
    }
    assert left(broker) == [message.id]


def test_a_list_has_the_requested_length(client: FlaskClient, broker: Broker) -> None:
    messages = bury(broker, 3)
    answer: Any = client.get("/dead-letters?limit=2", headers=AS_OPERATOR)
    handles = [letter["handle"] for letter in answer.json["deadLetters"]]
    assert handles == [message.id for message in messages[:2]]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "99999", "\u0661"])
def test_an_invalid_length_is_refused(client: FlaskClient, limit: str) -> None:
    answer = client.get("/dead-letters", query_string={"limit": limit}, headers=AS_OPERATOR)
    assert answer.status_code == 400


def test_redriven_letters_are_back_in_the_queue_and_recorded(
    client: FlaskClient, broker: Broker, engine: Engine
) -> None:
    first, second = bury(broker, 2)
    answer = post(client, "redrive", {"handles": [first.id]})
    assert (answer.status_code, answer.json) == (200, {"redriven": [first.id]})
    assert (left(broker), broker.depth("email").ready) == ([second.id], 1)
    assert [(id, order, step) for id, order, step, _ in noted(engine)] == [
        (first.id, first.key, "redriven")
    ]


def test_discarded_letters_are_gone_and_recorded(
    client: FlaskClient, broker: Broker, engine: Engine
) -> None:
    messages = bury(broker, 2)
    answer = post(client, "discard", {"all": True})
    assert answer.json == {"discarded": [message.id for message in messages]}
    assert (left(broker), broker.depth("email").ready) == ([], 0)
    assert noted(engine) == [(each.id, each.key, "discarded", 2) for each in messages]


def test_a_notice_is_recorded_with_its_own_time(
    client: FlaskClient, broker: Broker, engine: Engine
) -> None:
    [message] = bury(broker, 1)
    assert post(client, "notice", NOTICE).json == {"noted": 1}
    assert noted(engine) == [("evt-1", "ord-1", "redriven", 1)]
    with reading(engine) as tx:
        [at] = tx.scalars(select(table.c.at))
    assert at.isoformat() == "2026-03-04T05:06:07+00:00"
    assert left(broker) == [message.id]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"handles": ["evt-1"], "all": True}, 422),
        ({"handles": []}, 400),
        ({"handles": ["x"] * (MOST_AT_ONCE + 1)}, 400),
        ({"handles": [1]}, 400),
        ({"all": "yes"}, 400),
        ({"all": True, "more": 1}, 400),
        ([], 400),
    ],
)
def test_an_invalid_choice_moves_and_writes_nothing(
    client: FlaskClient, broker: Broker, engine: Engine, verb: str, body: object, status: int
) -> None:
    [message] = bury(broker, 1)
    assert post(client, verb, body).status_code == status
    assert (left(broker), noted(engine)) == ([message.id], [])


@pytest.mark.parametrize("path", ["redrive", "discard", "notice"])
def test_the_maximum_number_of_handles_fits_into_a_request(client: FlaskClient, path: str) -> None:
    ids = [f"{number:064}" for number in range(MOST_AT_ONCE)]
    events = [{"eventId": id, "orderId": id} for id in ids]
    body = NOTICE | {"events": events} if path == "notice" else {"handles": ids}
    assert post(client, path, body).status_code == 200


def test_an_unknown_handle_moves_and_writes_nothing(
    client: FlaskClient, broker: Broker, engine: Engine
) -> None:
    [message] = bury(broker, 1)
    assert post(client, "redrive", {"handles": ["evt-9"]}).json == {"redriven": []}
    assert (left(broker), noted(engine)) == ([message.id], [])


@pytest.mark.parametrize(
    "change",
    [
        {"step": "applied"},
        {"step": "redriven\n"},
        {"at": "2026-03-04T05:06:07"},
        {"at": "yesterday"},
        {"events": [EVENT] * (MOST_AT_ONCE + 1)},
        {"events": [{"eventId": "has spaces", "orderId": "ord-1"}]},
        {"events": [{"eventId": "evt-1", "orderId": ""}]},
        {"events": [EVENT, {"eventId": "evt-2"}]},
        {"more": 1},
    ],
)
def test_an_invalid_notice_writes_nothing(
    client: FlaskClient, engine: Engine, change: dict[str, Any]
) -> None:
    assert post(client, "notice", NOTICE | change).status_code == 400
    assert noted(engine) == []


@pytest.mark.parametrize("path", ["redrive", "discard", "notice"])
@pytest.mark.parametrize(
    "body",
    [*NO_DOCUMENTS.values(), b'{"handles": ["\xff"]}', b'{"step": "\xff"}'],
)
def test_an_unreadable_body_is_a_client_error(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(f"/dead-letters/{path}", data=body, headers=AS_OPERATOR)
    assert answer.status_code == 400


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_outside_utc_is_a_client_error(client: FlaskClient, engine: Engine, at: str) -> None:
    assert post(client, "notice", NOTICE | {"at": at}).status_code == 400
    assert noted(engine) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "/redrive"), ("POST", "/discard"), ("POST", "/notice")],
)
def test_dead_letter_requests_need_the_token(
    client: FlaskClient, broker: Broker, engine: Engine, method: str, path: str
) -> None:
    [message] = bury(broker, 1)
    body = NOTICE if path == "/notice" else {"all": True}
    answer = client.open(f"/dead-letters{path}", method=method, json=body)
    assert answer.status_code == 401
    assert (left(broker), noted(engine)) == ([message.id], [])


def test_an_unavailable_broker_is_reported_and_nothing_recorded(
    broker: Broker, engine: Engine, tmp_path: Path
) -> None:
    app = create_app()
    away = connect(f"sqlite:///{tmp_path / 'nowhere.db'}")
    guard = operators_only(SecretStr(TOKEN))
    app.register_blueprint(
        dead_letter_views(lambda: away.dead_letters("email"), History(engine, table), guard)
    )
    answer = post(app.test_client(), "redrive", {"all": True})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert noted(engine) == []


class FailingHalfWay:
    """Moves its first letter, and then the broker fails."""

    def __init__(self, letters: Sequence[DeadLetter]) -> None:
        self._letters = letters

    def count(self) -> int:
        return len(self._letters)

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        return self._letters[:limit]

    def scan(self) -> Generator[DeadLetter, None, None]:
        yield from self._letters

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = 0
    ) -> Sequence[DeadLetter]:
        raise PartlyMoved(BrokerUnavailable("gone"), self._letters[:1])

    discard = redrive


@pytest.mark.parametrize(("path", "step"), [("redrive", "redriven"), ("discard", "discarded")])
def test_letters_moved_before_a_broker_failure_are_recorded_and_named(
    engine: Engine, path: str, step: str
) -> None:
    went, stays = (DeadLetter(a_message(), "550 no", AT) for _ in range(2))
    app = create_app()
    history, guard = History(engine, table), operators_only(SecretStr(TOKEN))
    letters = FailingHalfWay([went, stays])
    app.register_blueprint(dead_letter_views(lambda: letters, history, guard))
    answer = app.test_client().post(
        f"/dead-letters/{path}", json={"all": True}, headers=AS_OPERATOR
    )
    assert answer.status_code == 503
    assert went.handle in answer.get_data(as_text=True)
    assert stays.handle not in answer.get_data(as_text=True)
    with reading(engine) as tx:
        rows = tx.execute(select(table.c.event_id, table.c.step)).all()
    assert [tuple(row) for row in rows] == [(went.message.id, step)]
