"""A checkout of the previous version, and a stack whose parts run in either version."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from orderctl.stack.process import ROOT, Started, start_python
from tests.zygote.client import fork_python

PREVIOUS = Path(__file__).with_name("PREVIOUS")


class NoHistory(Exception):
    """The repository was cloned without the previous version."""


def previous_commit() -> str:
    [commit] = [line for line in PREVIOUS.read_text().splitlines() if not line.startswith("#")]
    return commit


def check_out(folder: Path) -> Path:
    """Put the files of the previous version into a folder. Raises NoHistory."""
    commit = previous_commit()
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        raise NoHistory(f"commit {commit} is missing: run `git fetch --unshallow`")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Versions:
    """Starts the parts of a stack in this version, or within `previous()` in the previous one."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self._is_previous = False

    @contextmanager
    def previous(self) -> Iterator[None]:
        self._is_previous = True
        try:
            yield
        finally:
            self._is_previous = False

    def start(
        self, module: str, environment: Mapping[str, str], output: BinaryIO, folder: Path
    ) -> Started:
        if self._is_previous and not module.startswith("simulators."):
            return start_python(module, environment, output, self.checkout)
        return fork_python(module, environment, output, folder)

    def run_previous(self, *words: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Run `python -m …` of the previous version: its exit status, output and errors."""
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.checkout,
            env={**environment, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr
