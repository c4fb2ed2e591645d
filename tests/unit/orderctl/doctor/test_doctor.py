"""The doctor's findings about the machine and the services, each caused on purpose."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import httpx
import msgspec
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.doctor.finding import Finding, Level, note, ok, problem, warning
from orderctl.doctor.machine import check_packages, check_python
from orderctl.doctor.report import exit_status
from orderctl.doctor.services import check_mail, check_outbox, check_service, check_token
from tests.unit.orderctl.audit.far_ends import FarEnds, Reply, addresses, json, url

TOKEN = "a-token-for-the-tests"


@pytest.fixture
def ends() -> FarEnds:
    return FarEnds()


def always(response: Callable[[], httpx.Response]) -> Reply:
    return lambda _: response()


def test_an_old_python_is_a_problem() -> None:
    assert check_python((3, 10, 9)).level == Level.PROBLEM
    assert check_python((3, 11, 0)).level == Level.OK


def test_a_missing_package_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "email"
    folder.mkdir(parents=True)
    (folder / "requirements.in").write_text("# What it imports.\nflask>=3.1\npika>=1.4.4,<2\n")
    found = check_packages(tmp_path, _without("pika"))
    assert (found.level, found.saw) == (Level.PROBLEM, "not installed: pika")
    assert check_packages(tmp_path, _without("httpx")) == ok("packages", "all 2 installed")


def test_a_shared_requirements_list_counts_once(tmp_path: Path) -> None:
    folder = tmp_path / "services"
    for service in ("email", "sms"):
        (folder / service).mkdir(parents=True)
        (folder / service / "requirements.in").write_text("-r ../requirements.in\n")
    (folder / "requirements.in").write_text("flask>=3.1\npika>=1.4.4,<2\n")
    assert check_packages(tmp_path, _without("httpx")) == ok("packages", "all 2 installed")


def test_missing_requirements_lists_are_reported(tmp_path: Path) -> None:
    found = check_packages(tmp_path)
    assert (found.level, found.next) == (Level.PROBLEM, "Check the project out again.")


def test_in_a_container_image_only_its_own_list_counts(tmp_path: Path) -> None:
    (tmp_path / "orderctl").mkdir()
    (tmp_path / "orderctl" / "requirements.in").write_text("rich>=14\n")
    assert check_packages(tmp_path, _without("flask")) == ok("packages", "all 1 installed")


def _without(missing: str) -> Callable[[str], str]:
    def version_of(name: str) -> str:
        if name == missing:
            raise PackageNotFoundError
        return "1.0"

    return version_of


def test_a_responding_service_is_ok(ends: FarEnds) -> None:
    assert check_service(ends.client(), "email", url("email")).level == Level.OK


def test_free_and_used_ports_are_distinguished(ends: FarEnds) -> None:
    ends.down = {"email"}
    ends.answers["sms", "/health/ready"] = always(lambda: httpx.Response(200, text="hello"))
    free = check_service(ends.client(), "email", url("email"))
    taken = check_service(ends.client(), "sms", url("sms"))
    assert (free.level, taken.level) == (Level.PROBLEM, Level.PROBLEM)
    assert "the port is free" in free.saw
    assert "EMAIL_URL" in free.next
    assert "another server is using" in taken.saw
    assert "8002" in taken.next


def test_a_waiting_consumer_reports_its_reason(ends: FarEnds) -> None:
    state = {"ready": False, "reason": "SMTP refuses", "unsettled": 0}
    ends.answers["email", "/health/ready"] = always(lambda: json(state, 503))
    found = check_service(ends.client(), "email", url("email"))
    assert found.level == Level.PROBLEM
    assert "not ready: SMTP refuses" in found.saw


@pytest.mark.parametrize(("status", "level"), [(200, Level.OK), (404, Level.PROBLEM)])
def test_the_mail_server_is_checked_at_its_own_path(
    ends: FarEnds, status: int, level: Level
) -> None:
    ends.answers["mail", "/readyz"] = always(lambda: httpx.Response(status))
    assert check_mail(ends.client(), url("mail")).level == level


def test_an_unavailable_mail_server_is_a_problem(ends: FarEnds) -> None:
    ends.down = {"mail"}
    assert "the port is free" in check_mail(ends.client(), url("mail")).saw


@pytest.mark.parametrize(
    ("age", "level"), [(None, Level.OK), (30.0, Level.OK), (30.1, Level.PROBLEM)]
)
def test_an_old_outbox_row_is_a_problem(ends: FarEnds, age: float | None, level: Level) -> None:
    state = {"ready": True, "reason": None, "pending": 1, "oldestAgeSeconds": age}
    ends.answers["relay", "/health/ready"] = always(lambda: json(state))
    [found] = check_outbox(ends.client(), url("relay"))
    assert found.level == level


def test_rows_set_aside_are_a_separate_problem(ends: FarEnds) -> None:
    state = {"ready": True, "reason": None, "pending": 0, "oldestAgeSeconds": None, "setAside": 2}
    ends.answers["relay", "/health/ready"] = always(lambda: json(state))
    aside, outbox = check_outbox(ends.client(), url("relay"))
    assert (aside.level, outbox.level) == (Level.PROBLEM, Level.OK)
    assert "2 set aside" in aside.saw


def test_the_outbox_is_not_checked_when_the_relay_is_down(ends: FarEnds) -> None:
    ends.down = {"relay"}
    assert list(check_outbox(ends.client(), url("relay"))) == []


@pytest.mark.parametrize(
    ("status", "level"), [(200, Level.OK), (401, Level.PROBLEM), (404, Level.WARNING)]
)
def test_the_operator_token_is_checked(ends: FarEnds, status: int, level: Level) -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"])
        return httpx.Response(status)

    ends.answers["order", "/outbox"] = ends.answers["email", "/effects"] = answer
    where = addresses("email").model_copy(update={"operator_token": SecretStr(TOKEN)})
    found = list(check_token(ends.client(), where))
    assert [(f.about, f.level) for f in found] == [("order token", level), ("email token", level)]
    assert sent == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], 0),
        ([ok("a", "b"), note("a", "b", "c"), warning("a", "b", "c")], 0),
        ([problem("a", "b", "c"), ok("a", "b")], 1),
    ],
)
def test_only_a_problem_changes_the_exit_status(findings: list[Finding], status: int) -> None:
    assert exit_status(findings) == status


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No demo, no BROKER_URL, and addresses at which nothing can listen."""
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.delenv("BROKER_URL", raising=False)
    for name in ("ORDER", "RELAY", "EMAIL", "SMS", "INVENTORY", "ANALYTICS", "MAIL", "SMS_GATEWAY"):
        monkeypatch.setenv(f"{name}_URL", "http://127.0.0.1:1")


@pytest.mark.usefixtures("nothing_runs")
def test_with_nothing_running_the_command_exits_with_1_and_a_document() -> None:
    result = CliRunner().invoke(create_app(), ["doctor", "--json"])
    report = msgspec.json.decode(result.stdout)
    problems = {f["about"]: f for f in report["findings"] if f["level"] == "problem"}
    assert result.exit_code == 1
    assert report["problems"] == len(problems)
    assert "BROKER_URL is not set" in problems["settings"]["saw"]
    assert {"order", "relay", "email", "sms_gateway", "mail"} <= problems.keys()
    assert all(finding["next"] for finding in problems.values())


@pytest.mark.usefixtures("nothing_runs")
def test_in_text_output_each_finding_is_a_line_with_a_remedy() -> None:
    result = CliRunner().invoke(create_app(), ["doctor"], env={"COLUMNS": "300"})
    [line] = [line for line in result.stdout.splitlines() if "not running at" in line][:1]
    assert line.startswith("problem")
    assert "ORDER_URL" in line
