"""`orderctl demo` with replaced modules, and without placing orders."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.stack.stack import Stack


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--with", "billing=some.module"], "--with takes PART=MODULE"),
        (["--with", "email"], "--with takes PART=MODULE"),
        (["--orders", "0"], "use --orders 0 with --keep"),
        (["--orders", "0", "--keep", "--json"], "use --orders 0 with --keep"),
        (["--orders", "0", "--keep", "--latecomer"], "use --orders 0 with --keep"),
    ],
)
def test_invalid_options_are_refused_before_anything_starts(
    tmp_path: Path, words: list[str], said: str
) -> None:
    result = CliRunner().invoke(create_app(), ["demo", "--folder", str(tmp_path / "d"), *words])

    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "d").exists()


def test_a_part_runs_its_replacement_module(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    with Stack(tmp_path / "stack") as stack:
        stack.replaced = {"email": "this"}
        started = stack.start("email")
        started.wait(60)

        # `import this` prints a poem about Python, and ends.
        assert "Beautiful is better than ugly." in stack.log("email").read_text()
