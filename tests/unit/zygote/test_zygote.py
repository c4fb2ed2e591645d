"""A process forked from the zygote is equivalent to one started by `python -m`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orderctl import __version__
from orderctl.stack.environment import of_the_machine
from orderctl.stack.process import ROOT, PartProcess, Start, Started, start_python
from tests.waiting import eventually
from tests.zygote.client import Forked, Zygote, fork_python, python

MIRROR = "tests.unit.zygote.a_mirror"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, nothing is forked")


def mirror(start: Start, folder: Path, **environment: str) -> tuple[Started, dict[str, Any]]:
    """A process that runs the mirror, and the state that it printed."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        started = start(MIRROR, {**of_the_machine(), **environment}, output, folder)
    eventually(lambda: log.read_text().endswith("\n"))
    return started, json.loads(log.read_text())


@pytest.mark.parametrize(
    "environment",
    [{}, {"PYTHONUNBUFFERED": "1", "TZ": "Asia/Tokyo", "COLUMNS": "7"}, {"PYTHONUTF8": "0"}],
)
def test_a_forked_process_has_the_state_of_a_started_one(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    settings = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), **environment}
    real, in_real = mirror(start_python, tmp_path, **settings)
    forked, in_forked = mirror(fork_python, tmp_path, **settings)

    assert in_forked == in_real
    assert in_real["folder"] == str(tmp_path)
    assert (real.wait(20), forked.wait(20)) == (3, 3)
    assert (isinstance(real, Forked), isinstance(forked, Forked)) == (
        False,
        "PYTHONUTF8" not in environment,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_the_process_and_is_its_status(
    tmp_path: Path, number: signal.Signals
) -> None:
    forked, _ = mirror(fork_python, tmp_path, PYTHONPATH=str(ROOT), WAITS="1")

    assert forked.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.05)
    os.killpg(forked.pid, number)
    assert forked.wait(20) == -number
    with pytest.raises(ProcessLookupError):
        os.kill(forked.pid, 0)


def test_the_pid_is_not_reused_before_the_status_was_read(tmp_path: Path) -> None:
    forked, _ = mirror(fork_python, tmp_path, PYTHONPATH=str(ROOT))
    state = Path(f"/proc/{forked.pid}/stat")

    eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "Z")
    assert forked.wait(20) == 3
    assert not state.exists()


def test_the_process_can_be_stopped_and_continued(tmp_path: Path) -> None:
    forked, _ = mirror(fork_python, tmp_path, PYTHONPATH=str(ROOT), WAITS="1")
    state = Path(f"/proc/{forked.pid}/stat")

    forked.send_signal(signal.SIGSTOP)
    eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    assert forked.poll() is None
    forked.send_signal(signal.SIGCONT)
    forked.send_signal(signal.SIGKILL)
    assert forked.wait(20) == -signal.SIGKILL


def test_child_processes_end_with_the_group(tmp_path: Path) -> None:
    part = PartProcess("tests.unit.orderctl.stack.a_parent", {}, tmp_path / "log", fork_python)
    eventually(part.workers)
    [child] = part.workers()

    assert part.kill() == -signal.SIGKILL
    eventually(lambda: not Path(f"/proc/{child}").exists() or _state(child) == "Z")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_all_processes_end_with_the_zygote(tmp_path: Path) -> None:
    zygote = Zygote()

    def start(module: str, environment: Mapping[str, str], output: Any, folder: Path) -> Forked:
        return Forked(zygote.socket, module, environment, output, folder)

    forked, _ = mirror(start, tmp_path, PYTHONPATH=str(ROOT), WAITS="1")
    zygote.close()

    assert not Path(f"/proc/{forked.pid}").exists()
    assert not zygote.python.parent.exists()
    with pytest.raises(OSError, match="the zygote has ended"):
        forked.poll()


def run(command: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, "-m", MIRROR, *words],
        cwd=ROOT,
        # A shell adds the last variable, and the command starts as a script.
        env={**of_the_machine(), "COLUMNS": "33", "PWD": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def test_the_command_passes_on_streams_and_status() -> None:
    real, forked = (
        run(command, "5", start_new_session=True) for command in (sys.executable, python())
    )

    assert json.loads(forked.stdout) == json.loads(real.stdout)
    assert (forked.returncode, forked.stderr) == (real.returncode, real.stderr) == (5, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_command_ends_with_its_process(number: signal.Signals) -> None:
    with subprocess.Popen(
        [python(), "-m", MIRROR, "wait"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout
        command.stdout.readline()
        command.send_signal(number)
        assert command.wait(20) == -number


def test_killing_the_command_kills_the_process() -> None:
    with subprocess.Popen(
        [python(), "-m", MIRROR, "wait"], cwd=ROOT, stdout=subprocess.PIPE
    ) as command:
        assert command.stdout
        command.stdout.readline()
        command.kill()
        # End of file means that no process has the pipe open any more.
        assert command.stdout.read() == b""


def test_the_command_runs_python_itself_for_everything_else() -> None:
    """Modules unknown to the zygote, and everything without a zygote."""
    said = subprocess.run([python(), "-c", "print(6 * 7)"], capture_output=True, check=True)
    assert said.stdout == b"42\n"

    zygote = Zygote()
    script = zygote.python.read_text()
    zygote.close()
    words = ["sh", "-c", script, "python", "-m", MIRROR, "4"]
    assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 4


def test_orderctl_passes_on_streams_status_and_its_name() -> None:
    folder = Path(python()).parent
    environment = {**of_the_machine(), "PATH": f"{folder}:{os.defpath}", "DEMO_FOLDER": "/nowhere"}
    done = subprocess.run(
        ["orderctl", "journey", "ord-1"],
        cwd=ROOT,
        env={**environment, "ORDER_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "start it (orderctl demo --keep starts everything)" in done.stderr


def test_orderctl_runs_without_a_zygote() -> None:
    zygote = Zygote()
    script = zygote.python.with_name("orderctl").read_text()
    zygote.close()
    words = ["sh", "-c", script, "orderctl", "--version"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"orderctl {__version__}\n".encode())
