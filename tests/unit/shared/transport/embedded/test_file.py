"""The embedded broker with a missing, damaged or deleted file, and its query plans."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from shared.errors import BrokerUnavailable, SettingsError
from shared.transport import Depth
from shared.transport.embedded import sql
from shared.transport.embedded.broker import EmbeddedBroker
from tests.conformance.steps import a_message, bury, drain, messages, publish, take_one
from tests.waiting import eventually

VERBS: dict[str, Callable[[EmbeddedBroker], object]] = {
    "publish": lambda broker: broker.publisher().publish([a_message()]),
    "subscribe": lambda broker: broker.subscribe("email", prefetch=1),
    "depth": lambda broker: broker.depth("email"),
    "browse": lambda broker: broker.dead_letters("email").browse(1),
    "redrive": lambda broker: broker.dead_letters("email").redrive(),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


@pytest.fixture
def broker(path: Path) -> EmbeddedBroker:
    return EmbeddedBroker(f"sqlite:///{path}")


@every_verb
def test_a_missing_file_is_reported_and_not_created(
    broker: EmbeddedBroker, path: Path, verb: Callable[[EmbeddedBroker], object]
) -> None:
    with pytest.raises(BrokerUnavailable, match=path.name):
        verb(broker)
    assert not path.exists()


def test_with_a_missing_file_all_queues_are_missing(broker: EmbeddedBroker, path: Path) -> None:
    assert broker.missing(["email", "sms"]) == ["email_service_queue", "sms_service_queue"]
    assert not path.exists()


def test_a_missing_folder_is_reported(path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="nowhere"):
        EmbeddedBroker(f"sqlite:///{path.parent / 'nowhere' / 'broker.db'}").declare(["email"])


@every_verb
def test_a_file_that_is_not_a_database_is_reported_and_not_changed(
    broker: EmbeddedBroker, path: Path, verb: Callable[[EmbeddedBroker], object]
) -> None:
    path.write_bytes(b"not a database " * 1000)
    for refused in (verb, lambda broker: broker.declare([]), lambda broker: broker.missing(["x"])):
        with pytest.raises(BrokerUnavailable, match=path.name) as failure:
            refused(broker)
        assert isinstance(failure.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == b"not a database " * 1000


def test_a_damaged_file_makes_the_broker_unavailable(broker: EmbeddedBroker, path: Path) -> None:
    broker.declare(["email"])
    publish(broker, *messages(500))
    healthy = path.read_bytes()
    path.write_bytes(healthy[:4096] + b"\xff" * (len(healthy) - 4096))
    with pytest.raises(BrokerUnavailable, match=path.name):
        drain(broker, "email", 500)


@pytest.mark.parametrize("replace", [False, True], ids=["removed", "replaced"])
def test_nothing_is_confirmed_once_the_file_is_deleted(
    broker: EmbeddedBroker, path: Path, *, replace: bool
) -> None:
    broker.declare(["email"])
    with broker.publisher() as publisher, broker.subscribe("email", prefetch=1) as subscription:
        publisher.publish([a_message()])
        delivery = take_one(subscription)
        path.rename(path.with_suffix(".away"))
        if replace:
            path.write_bytes(path.with_suffix(".away").read_bytes())
        with pytest.raises(BrokerUnavailable, match=path.name):
            publisher.publish([a_message()])
        with pytest.raises(BrokerUnavailable, match=path.name):
            delivery.dead_letter("broken")
        with pytest.raises(BrokerUnavailable):
            subscription.receive(1, 0)


def test_a_publisher_continues_when_the_file_is_back(broker: EmbeddedBroker, path: Path) -> None:
    broker.declare(["email"])
    before, after = a_message(), a_message()
    with broker.publisher() as publisher:
        publisher.publish([before])
        path.rename(path.with_suffix(".away"))
        with pytest.raises(BrokerUnavailable):
            publisher.publish([after])
        path.with_suffix(".away").rename(path)
        publisher.publish([after])
    assert drain(broker, "email", 2) == [before, after]


def test_acknowledgements_wait_until_the_file_is_back(broker: EmbeddedBroker, path: Path) -> None:
    broker.declare(["email"])
    publish(broker, a_message())
    with (
        structlog.testing.capture_logs() as logged,
        broker.subscribe("email", prefetch=1) as subscription,
    ):
        delivery = take_one(subscription)
        path.rename(path.with_suffix(".away"))
        delivery.ack()
        eventually(lambda: [line for line in logged if line["event"] == "subscription.not_written"])
        path.with_suffix(".away").rename(path)
    # It is deleted, not merely leased to a consumer.
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=0)


def test_a_batch_is_stored_completely_or_not_at_all(broker: EmbeddedBroker) -> None:
    broker.declare(["email"])
    first, last = messages(2)
    with broker.publisher() as publisher:
        with pytest.raises(UnicodeEncodeError):
            publisher.publish([first, a_message(id="\ud800 is half a character")])
        publisher.publish([last])
    assert drain(broker, "email", 1) == [last]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_url_without_a_file_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///path/to/a/file"):
        EmbeddedBroker(url)


def test_a_relative_path_is_not_affected_by_chdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    broker = EmbeddedBroker("sqlite:///a%2520#%3F broker.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    broker.declare(["email"])
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["a%20#? broker.db"]


def test_no_statement_scans_all_deliveries(broker: EmbeddedBroker, path: Path) -> None:
    broker.declare(["email"])
    bury(broker, "email", a_message())
    plans = {name: _plan(path, text) for name, text in vars(sql).items() if _is_sql(text)}
    assert {"IS_DUE", "OLDEST_READY", "MAKE_READY", "DONE"} <= plans.keys()
    assert [name for name, plan in plans.items() if "SCAN deliveries" in plan] == []
    assert [name for name, plan in plans.items() if "SCAN d " in plan] == []
    assert [name for name, plan in plans.items() if "TEMP B-TREE" in plan] == []


def _is_sql(text: object) -> bool:
    return isinstance(text, str) and text.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")


def _plan(path: Path, statement: str) -> str:
    named = re.findall(r":([a-z_]+)", statement)
    values = dict.fromkeys(named, 0) if named else [None] * statement.count("?")
    connection = sqlite3.connect(path)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    connection.close()
    return " | ".join(f"{row[3]} " for row in rows)
