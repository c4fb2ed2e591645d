"""The command `orderctl compare`: refusals, redrawing from data, and exit statuses."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.compare.command import words
from orderctl.compare.files import DATA, read_comparison
from orderctl.compare.results import Comparison
from orderctl.compare.scenarios import Size
from tests.compare_sample import a_scenario, sample

#: Few pictures, since each takes a second.
SMALL = sample(scenarios=(a_scenario("email-down"),), waterfalls=())


def run(*arguments: str) -> Any:
    return CliRunner().invoke(create_app(), ["compare", *arguments], env={"COLUMNS": "160"})


def saved(folder: Path, comparison: Comparison = SMALL) -> str:
    file = folder / "saved.json"
    file.write_bytes(msgspec.json.encode(comparison))
    return str(file)


def test_a_report_is_drawn_again_from_its_data(tmp_path: Path) -> None:
    ended = run("--from", saved(tmp_path), "--report", str(tmp_path / "report"))
    assert ended.exit_code == 0, ended.stderr
    assert SMALL.audit in ended.stdout
    for name in ("report.html", "backlog.png", DATA):
        assert str(tmp_path / "report" / name) in ended.stdout.replace("\n", "")
        assert (tmp_path / "report" / name).stat().st_size
    assert read_comparison(tmp_path / "report" / DATA) == SMALL


def test_with_json_only_the_data_is_printed(tmp_path: Path) -> None:
    ended = run("--from", saved(tmp_path), "--report", str(tmp_path / "report"), "--json")
    assert msgspec.json.decode(ended.stdout, type=Comparison) == SMALL


def test_it_fails_when_the_promise_was_broken(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(SMALL, is_clean=False)
    ended = run("--from", saved(tmp_path, broken), "--report", str(tmp_path / "report"))
    assert ended.exit_code == 1


def test_an_unknown_scenario_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    ended = run("--scenario", "email-lost", "--report", str(tmp_path))
    assert ended.exit_code == 2
    assert "--scenario email-lost: choose from healthy, email-slow, email-down" in ended.stderr


def test_a_file_that_is_not_a_comparison_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[]")
    ended = run("--from", str(tmp_path / "odd.json"), "--report", str(tmp_path / "report"))
    assert ended.exit_code == 1
    assert "odd.json" in ended.stderr
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((), False, Size(), None), "compare"),
        (((), True, Size(orders=10, rate=5.0), None), "compare --quick"),
        (
            (("burst",), False, Size(orders=500, rate=4.0), None),
            "compare --orders 500 --rate 4 --scenario burst",
        ),
        (((), False, Size(), "amqp://me:secret@host/"), "compare --broker amqp://…"),
    ],
)
def test_the_report_shows_the_command_to_repeat_it(arguments: Any, said: str) -> None:
    scenarios, quick, size, broker = arguments
    assert words(scenarios, size, broker, quick=quick) == said
