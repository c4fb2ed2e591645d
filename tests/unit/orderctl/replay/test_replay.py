"""The replay command, against a real service and against odd responses."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr
from rich.console import Console
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.errors import CommandError
from orderctl.replay.client import ReplayAnswer, ReplayClient, exit_status
from orderctl.replay.report import announcement, print_replay
from orderctl.settings import ConsumerAddresses
from orderctl.stack.ports import free_ports
from services.analytics.__main__ import compose
from services.analytics.schema import metadata
from services.analytics.settings import AnalyticsSettings
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.replay.shapes import FailedEvent
from shared.transport import connect
from tests.builders import NO_DOCUMENTS, a_message
from tests.replays import a_replay
from tests.serving import served
from tests.tables import connections_closed

TOKEN = "a-token-for-operators"
DONE = msgspec.to_builtins(a_replay(seen=7, rewritten=7))


@pytest.fixture
def analytics(tmp_path: Path) -> Iterator[str]:
    """The URL of an analytics service with five past events."""
    url, broker_url = f"sqlite:///{tmp_path}/test.db", f"sqlite:///{tmp_path}/broker.db"
    with connections_closed():
        create_schema(open_database(url), metadata)
        broker = connect(broker_url)
        broker.declare(["analytics"])
        with broker.publisher() as publisher:
            publisher.publish([a_message() for _ in range(5)])
        settings = AnalyticsSettings(
            database_url=url, broker_url=broker_url, operator_token=SecretStr(TOKEN)
        )
        with served(compose(settings).app) as address:
            yield address


def run(url: str, *words: str, token: str = TOKEN) -> Any:
    environment = {"ANALYTICS_URL": url, "OPERATOR_TOKEN": token, "DEMO_FOLDER": "/nowhere"}
    return CliRunner().invoke(create_app(), ["replay", *words], env=environment)


def test_it_reports_progress_and_ends_with_a_table(analytics: str) -> None:
    result = run(analytics, "analytics", "--from", "beginning")
    assert result.exit_code == 0, result.output
    assert "analytics rereads the stored events, from beginning up to" in result.stderr
    assert "Its live queue is not touched." in result.stderr
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "seen 5 read from the stored events" in rows
    assert "applied 5 applied for the first time" in rows
    assert rows[-1] == "The replay is done: 5 events."


def document(result: Any) -> Any:
    """The document after the log lines of the service, which runs in the same process here."""
    return json.loads(result.stdout[result.stdout.index("{\n") :])


def test_json_is_one_document_with_every_count(analytics: str) -> None:
    run(analytics, "analytics", "--from", "beginning")
    result = run(analytics, "analytics", "--from", "2", "--to", "4", "--json")
    replay = document(result)
    assert (replay["seen"], replay["rewritten"], replay["state"]) == (2, 2, "done")
    again = run(analytics, "analytics", "--again", replay["id"], "--json")
    assert document(again)["id"] == replay["id"]
    seen = run(analytics, "analytics", "--follow", replay["id"], "--json")
    assert document(seen) == document(again)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["analytics"], 2, "Use exactly one of"),
        (["analytics", "--from", "0", "--again", "x"], 2, "Use exactly one of"),
        (["analytics", "--again", "x", "--resend"], 2, "it takes no other options"),
        (["analytics", "--from", "yesterday"], 2, "not a position among stored events"),
        (["billing", "--from", "0"], 2, "billing is unknown"),
        (["analytics", "--from", "0", "--resend"], 1, "sends nothing"),
        (["analytics", "--again", "nobody"], 1, "no replay with this id"),
        (["analytics", "--from", "3:1"], 1, "no partitions"),
    ],
)
def test_invalid_requests_give_a_sentence(
    analytics: str, words: list[str], status: int, said: str
) -> None:
    result = run(analytics, *words)
    assert result.exit_code == status
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_wrong_token_and_no_token_are_distinguished(analytics: str) -> None:
    wrong = run(analytics, "analytics", "--from", "0", token="x" * 20)
    assert (wrong.exit_code, "rejects this" in wrong.stderr) == (2, True)
    none = run(analytics, "analytics", "--from", "0", token="")
    assert (none.exit_code, "set OPERATOR_TOKEN" in none.stderr) == (2, True)


def test_an_unavailable_service_is_reported_with_its_setting() -> None:
    url = f"http://127.0.0.1:{free_ports(['one'])['one']}"
    result = run(url, "analytics", "--from", "0")
    assert result.exit_code == 1
    assert "ANALYTICS_URL" in result.stderr


def client(answer: Callable[[httpx.Request], httpx.Response]) -> ReplayClient:
    addresses = ConsumerAddresses(operator_token=SecretStr(TOKEN))
    transport = httpx.MockTransport(answer)
    return ReplayClient(httpx.Client(transport=transport), addresses, "analytics")


@pytest.mark.parametrize("body", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
@pytest.mark.parametrize("status", [200, 409, 500])
def test_any_odd_response_gives_a_sentence(body: bytes, status: int) -> None:
    with pytest.raises(CommandError):
        client(lambda _request: httpx.Response(status, content=body)).find("x")


def test_disabled_endpoints_are_reported_with_how_to_enable_them() -> None:
    off = {"detail": "It is for operators, and no OPERATOR_TOKEN is set"}
    with pytest.raises(CommandError, match="no OPERATOR_TOKEN is set"):
        client(lambda _request: httpx.Response(404, json=off)).begin({})


def test_a_replay_id_is_escaped_in_the_path() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=DONE)

    client(answer).find("../effects?x=")
    assert asked == ["/replays/..%2Feffects%3Fx%3D"]


def test_a_replay_is_watched_until_its_end_or_a_timeout() -> None:
    states = iter(["running", "running", "done", "never asked"])
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    replays = client(lambda _request: httpx.Response(200, json=DONE | {"state": next(states)}))
    running = ReplayAnswer(a_replay(state="running"), b"")
    told: list[str] = []
    ended = replays.follow(running, timeout=60, tell=told.append, clock=lambda: now[0], sleep=sleep)
    assert (ended.replay.state, ended.replay.seen) == ("done", 7)
    assert told[-1] == "analytics: 7 events seen, 7 applied or rewritten, 0 failed"

    for_ever = client(lambda _request: httpx.Response(200, json=DONE | {"state": "running"}))
    with pytest.raises(CommandError, match=r"To continue watching: .* --follow abc"):
        for_ever.follow(running, timeout=5, clock=lambda: now[0], sleep=sleep)


def shown(**more: Any) -> str:
    screen = Console(file=StringIO(), width=160, markup=False)
    print_replay("email", a_replay(start="12", **more), screen)
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def test_an_interrupted_replay_shows_how_to_run_it_again() -> None:
    replay = a_replay(state="interrupted", reason="its process ended", seen=3, applied=3)
    assert exit_status(replay) == 1
    text = shown(state="interrupted", reason="its process ended", seen=3, applied=3)
    assert "interrupted: its process ended." in text
    assert "replay email --again abc" in text


def test_failures_are_limited_and_inject_no_terminal_escapes() -> None:
    failure = {"position": "7", "event_id": "e\x1b[2J", "reason": "550 no such user"}
    text = shown(seen=30, failed=30, failures=(FailedEvent(**failure),) * 30)
    assert text.count("550 no such user") == 10
    assert "and 20 more failed" in text
    assert "\x1b" not in text
    assert "30 of 30 events failed" in text


def test_a_dry_run_is_worded_as_conditional() -> None:
    assert "would be deleted and written again" in shown(dry_run=True, seen=1, rewritten=1)
    dry = a_replay(start="12", end="20", does="rebuilds", dry_run=True)
    assert announcement("email", dry) == (
        "Replay abc: email rereads the stored events, from 12 up to 20. It rebuilds. This is "
        "a dry run: it only counts. Its live queue is not touched."
    )
