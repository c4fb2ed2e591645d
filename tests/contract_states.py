"""Preparations of a process, so that its response is a refusal, a wait or a resource."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from shared.errors import OutcomeUnknown, PermanentError
from shared.events import Event, parse_time
from tests.builders import a_message
from tests.documented import TOKEN
from tests.http_sides import HttpSide

EVENT = a_message()
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
_TIME = parse_time(EVENT.time)


def nothing(_side: HttpSide) -> None: ...


def drop_tables(side: HttpSide) -> None:
    """Drop all tables: every query fails, as if the database were down."""
    side.tables.drop_all(side.engine)


def delete_the_broker(side: HttpSide) -> None:
    (Path(side.engine.url.database or "").parent / "broker.db").unlink()


def in_an_outage(side: HttpSide) -> None:
    _begin(side, {"outage": True})


def failing(side: HttpSide) -> None:
    _begin(side, {"failures": 1})


def _begin(side: HttpSide, faults: dict[str, Any]) -> None:
    client = side.app.test_client()
    assert client.post("/faults", json=faults, headers=OPERATOR).status_code == 200


def hold_the_event(side: HttpSide) -> None:
    row = {"event_id": EVENT.id, "order_id": EVENT.key, "state": "sending", "attempt": 1}
    times = {"event_time": _TIME, "at": _TIME, "lease_until": time.time() + 60}
    with side.engine.begin() as tx:
        tx.execute(insert(side.tables.tables["inbox"]), row | times)


def replay(side: HttpSide) -> None:
    """Run a replay, and give it the id `known`."""
    begin = {"json": {"from": "beginning"}, "headers": OPERATOR}
    assert side.app.test_client().post("/replays", **begin).status_code == 202
    side.content()
    _change_replays(side, id="known")


def leave_a_replay_running(side: HttpSide) -> None:
    replay(side)
    _change_replays(side, state="running", lease_until=time.time() + 60)


def _change_replays(side: HttpSide, **values: Any) -> None:
    with side.engine.begin() as tx:
        tx.execute(update(side.tables.tables["replays"]).values(values))


def refuse_permanently(event: Event) -> None:
    if event.id == EVENT.id:
        raise PermanentError("550 no such user")


def raise_outcome_unknown(event: Event) -> None:
    if event.id == EVENT.id:
        raise OutcomeUnknown("mail server", "no answer to the whole mail, which may be sent")
