"""Replays over HTTP, on services composed as in production."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData

from services.analytics.__main__ import compose as compose_analytics
from services.analytics.schema import metadata as analytics_tables
from services.analytics.settings import AnalyticsSettings
from services.email.__main__ import compose as compose_email
from services.email.schema import metadata as email_tables
from services.email.schema import tables
from services.email.settings import EmailSettings
from services.inventory.__main__ import compose as compose_inventory
from services.inventory.migrate import stock_up
from services.inventory.schema import metadata as inventory_tables
from services.inventory.settings import InventorySettings
from shared.consuming.crash_suspects import StartLog
from shared.consuming.lease import LeasedEffect
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.events import Event
from shared.replay.appliers import ApplyOnce
from shared.replay.replayer import Replayer
from shared.replay.store import Replays
from shared.replay.table import Request
from shared.serving.server import Process
from shared.transport import Broker, Message, connect
from tests.builders import a_message
from tests.fakes import the_only
from tests.tables import connections_closed
from tests.waiting import eventually, stays

inbox, replays, starts = tables.inbox, tables.replays, tables.starts

TOKEN = "a-token-for-operators"
ALL = {"from": "beginning"}


@dataclass
class Service:
    """A service without its consumer: only replays apply events."""

    process: Process
    broker: Broker

    def publish(self, *messages: Message) -> None:
        with self.broker.publisher() as publisher:
            publisher.publish(messages)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.process.app.test_client().open(
            path, method=method, json=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        return answer.status_code, answer.get_json(silent=True)

    def begin(self, body: Any) -> Any:
        status, replay = self.ask("POST", "/replays", body)
        assert status == 202, replay
        return replay

    def find(self, replay: Any) -> Any:
        status, found = self.ask("GET", f"/replays/{replay['id']}")
        assert status == 200, found
        return found

    def replayed(self, body: Any) -> Any:
        replay = self.begin(body)
        eventually(lambda: self.find(replay)["state"] != "running")
        return self.find(replay)

    def stop(self) -> None:
        assert self.process.background
        self.process.background.stop()


Make = Callable[..., Service]


@pytest.fixture(autouse=True)
def connections() -> Iterator[None]:
    with connections_closed():
        yield


@pytest.fixture
def around(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "database_url": database_url,
        "broker_url": f"sqlite:///{tmp_path}/broker.db",
        "operator_token": SecretStr(TOKEN),
        "work_time": 0,
    }


@pytest.fixture
def analytics(around: dict[str, Any]) -> Service:
    make_tables(around, analytics_tables)
    return Service(compose_analytics(AnalyticsSettings(**around)), opened(around, "analytics"))


@pytest.fixture
def make_email(around: dict[str, Any]) -> Make:
    def make(send: Callable[[Event], None]) -> Service:
        make_tables(around, email_tables)
        process = compose_email(EmailSettings(**around, concurrency=4), send=send)
        return Service(process, opened(around, "email"))

    return make


@pytest.fixture
def inventory(around: dict[str, Any]) -> Service:
    make_tables(around, inventory_tables)
    engine = open_database(around["database_url"])
    stock_up(engine)
    engine.dispose()
    return Service(compose_inventory(InventorySettings(**around)), opened(around, "inventory"))


def make_tables(around: dict[str, Any], tables: MetaData) -> None:
    engine = open_database(around["database_url"])
    create_schema(engine, tables)
    engine.dispose()


def opened(around: dict[str, Any], name: str) -> Broker:
    broker = connect(around["broker_url"])
    broker.declare([name])
    return broker


def some(number: int) -> list[Message]:
    return [a_message() for _ in range(number)]


def counts(replay: Any) -> dict[str, int]:
    names = ("seen", "applied", "alreadyApplied", "rewritten", "ignored", "failed")
    return {name: replay[name] for name in names if replay[name]}


def test_a_projection_is_built_from_past_events_and_rebuilt(analytics: Service) -> None:
    analytics.publish(*some(700))
    first = analytics.replayed(ALL)
    assert (first["state"], counts(first)) == ("done", {"seen": 700, "applied": 700})
    before = analytics.ask("GET", "/totals")
    second = analytics.replayed(ALL)
    assert counts(second) == {"seen": 700, "rewritten": 700}
    assert analytics.ask("GET", "/totals") == before
    assert analytics.broker.depth("analytics").ready == 700


def test_a_replay_reports_its_id_and_what_it_skipped(analytics: Service) -> None:
    analytics.publish(a_message(), a_message(type="order.shipped"), some(1)[0])
    analytics.publish(Message(id="x", type="order.placed", source="", time="", key="", body=b"{"))
    replay = analytics.replayed({"from": "2", "to": "99"})
    assert counts(replay) == {"seen": 3, "applied": 1, "ignored": 1, "failed": 1}
    assert (replay["service"], replay["from"], replay["to"]) == ("analytics", "2", "99")
    assert replay["startedAt"] <= replay["endedAt"]
    assert [failure["eventId"] for failure in replay["failures"]] == ["x"]
    assert [remark[:13] for remark in replay["remarks"]] == ["1 not applied"] * 2


def test_an_empty_replay_is_reported(analytics: Service) -> None:
    replay = analytics.replayed(ALL)
    assert (replay["state"], replay["seen"]) == ("done", 0)
    assert replay["remarks"] == ["No events are stored there, so nothing was done."]


def test_a_dry_run_reports_what_would_be_done_and_does_nothing(analytics: Service) -> None:
    analytics.publish(*some(3))
    replay = analytics.replayed({**ALL, "dryRun": True})
    assert counts(replay) == {"seen": 3, "applied": 3}
    assert "dry run" in replay["remarks"][0]
    assert analytics.ask("GET", "/totals")[1]["orders"] == 0


def test_sent_mails_are_only_repeated_by_an_explicit_resend(make_email: Make) -> None:
    sent: list[str] = []
    email = make_email(lambda event: sent.append(event.id))
    messages = some(9)
    email.publish(*messages)
    assert counts(email.replayed(ALL)) == {"seen": 9, "applied": 9}
    again = email.replayed(ALL)
    assert counts(again) == {"seen": 9, "alreadyApplied": 9}
    assert again["remarks"] == [
        "9 not done again: the inbox records them as done. To send them again, use --resend."
    ]
    assert sorted(sent) == sorted(message.id for message in messages)

    sent.clear()
    resent = email.replayed({**ALL, "resend": True})
    assert counts(resent) == {"seen": 9, "applied": 9}
    assert sorted(sent) == sorted(f"{message.id}.replay-{resent['id']}" for message in messages)


def test_stock_movements_are_never_repeated(inventory: Service) -> None:
    inventory.publish(*some(4))
    assert counts(inventory.replayed(ALL)) == {"seen": 4, "applied": 4}
    stock = inventory.ask("GET", "/stock")
    again = inventory.replayed(ALL)
    assert counts(again) == {"seen": 4, "alreadyApplied": 4}
    assert "resend" not in again["remarks"][0]
    assert inventory.ask("GET", "/stock") == stock


class Slow:
    """A sender that waits to be released for each mail."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def __call__(self, event: Event) -> None:
        self.began.set()
        self.go.wait(20)
        self.sent.append(event.id)


def test_a_second_replay_is_refused_while_one_is_running(make_email: Make) -> None:
    slow = Slow()
    email = make_email(slow)
    email.publish(*some(2))
    running = email.begin(ALL)
    slow.began.wait(20)
    status, answer = email.ask("POST", "/replays", ALL)
    assert status == 409
    assert running["id"] in answer["detail"]
    slow.go.set()
    eventually(lambda: email.find(running)["state"] == "done")
    assert email.replayed(ALL)["state"] == "done"


def test_a_stopped_replay_is_marked_and_sends_the_rest_when_run_again(
    make_email: Make,
) -> None:
    slow = Slow()
    email = make_email(slow)
    messages = some(30)
    email.publish(*messages)
    resend = {**ALL, "resend": True}
    replay = email.begin(resend)
    slow.began.wait(20)
    stopping = threading.Thread(target=email.stop)
    stopping.start()
    time.sleep(0.1)
    slow.go.set()
    stopping.join()
    eventually(lambda: email.find(replay)["state"] == "interrupted")
    interrupted = email.find(replay)
    assert 0 < interrupted["applied"] < 30
    assert "run it again" in interrupted["reason"]
    # Events published now do not belong to a replay that began before.
    time.sleep(0.05)
    email.publish(*some(5))

    restarted = make_email(slow)
    assert counts(restarted.replayed({"again": replay["id"]})) == {
        "seen": 30,
        "applied": 30 - interrupted["applied"],
        "alreadyApplied": interrupted["applied"],
    }
    assert sorted(slow.sent) == sorted(f"{m.id}.replay-{replay['id']}" for m in messages)


def test_a_replay_longer_than_its_lease_renews_it(make_email: Make, around: dict[str, Any]) -> None:
    slow = Slow()
    email = make_email(slow)
    email.publish(*some(1))
    engine = open_database(around["database_url"])
    effect = LeasedEffect(engine, inbox, StartLog(starts), slow, lease=30)
    once = ApplyOnce(engine, inbox, effect, batch=1)
    short = Replays(engine, replays, lease=0.6)
    replayer = Replayer(short, partial(email.broker.archive, "email"), lambda _replay: once)
    replay = replayer.begin(Request("beginning")).id
    slow.began.wait(20)
    stays(lambda: state(short, replay) == "running", for_seconds=1.5)
    slow.go.set()
    eventually(lambda: state(short, replay) == "done")


def state(kept: Replays, replay_id: str) -> Any:
    return the_only([replay.state for replay in kept.newest() if replay.id == replay_id])


def test_a_broker_outage_ends_it_with_its_reason(analytics: Service, tmp_path: Path) -> None:
    for file in tmp_path.glob("broker.db*"):
        file.unlink()
    replay = analytics.replayed(ALL)
    assert replay["state"] == "failed"
    assert "broker.db" in replay["reason"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"from": "beginning", "again": "x"}, 422),
        ({"from": "yesterday"}, 422),
        ({"from": "beginning", "to": "tomorrow"}, 422),
        ({"from": "beginning", "resend": True}, 409),
        ({"from": 3}, 400),
        ({"from": "beginning", "dryrun": True}, 400),
        ({"from": "x" * 65}, 400),
        ({"again": "nobody"}, 404),
    ],
)
def test_invalid_replays_are_refused_with_a_problem(
    analytics: Service, body: Any, status: int
) -> None:
    answered, problem = analytics.ask("POST", "/replays", body)
    assert (answered, problem["status"]) == (status, status)
    assert analytics.ask("GET", "/replays") == (200, {"replays": []})


def test_a_missing_partition_ends_it_with_its_reason(analytics: Service) -> None:
    replay = analytics.replayed({"from": "3:12"})
    assert (replay["state"], replay["seen"]) == ("failed", 0)
    assert "no partitions" in replay["reason"]


def test_earlier_replays_are_listed_and_an_unknown_one_is_a_problem(
    analytics: Service,
) -> None:
    ids = [analytics.replayed(ALL)["id"] for _ in range(3)]
    _status, listed = analytics.ask("GET", "/replays")
    assert [replay["id"] for replay in listed["replays"]] == ids[::-1]
    for unknown in ("nobody", "%00", "a.b", "x" * 200):
        assert analytics.ask("GET", f"/replays/{unknown}")[0] == 404
