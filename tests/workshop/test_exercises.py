"""Each exercise fails as given, and passes with the solution on its page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orderctl.stack.process import ROOT
from tests.workshop.pages import FOLDER, part_pages
from tests.workshop.solutions import exercise, write_solved

PAGES = part_pages(1, 12)


@pytest.fixture(scope="module")
def passed_as_given() -> set[str]:
    return names_of_passing(FOLDER / "exercises")


@pytest.fixture(scope="module")
def passed_when_solved(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("solved")
    for page in PAGES:
        write_solved(page, folder)
    return names_of_passing(folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_fails_as_given_and_passes_with_the_solution(
    page: Path, passed_as_given: set[str], passed_when_solved: set[str]
) -> None:
    name = exercise(page).name

    assert (name in passed_as_given, name in passed_when_solved) == (False, True)


def names_of_passing(folder: Path) -> set[str]:
    """The names of the files in which every test passes. One pytest run, as its start takes
    longest.
    """
    files = sorted(folder.glob("part_*.py"))
    # pytest prints file names relative to the root, and none for files outside of it.
    words = ["-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    words += ["--rootdir", str(folder)]
    # Options of this test run would change that run's output.
    environment = {name: text for name, text in os.environ.items() if name != "PYTEST_ADDOPTS"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *map(str, files)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # Any other status means that some tests could not be run.
    assert run.returncode in (0, 1), run.stdout + run.stderr
    told = {file.name: _outcomes(run.stdout, file.name) for file in files}
    return {name for name, outcomes in told.items() if outcomes == {"PASSED"}}


def _outcomes(said: str, name: str) -> set[str]:
    """The outcomes of a file's tests in pytest's summary: PASSED, FAILED or ERROR."""
    return {line.split()[0] for line in said.splitlines() if f"{name}::" in line}
