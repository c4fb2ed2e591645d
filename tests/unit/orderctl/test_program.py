"""A program ends with a sentence and a status, whatever its streams are connected to."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from orderctl.demo_folder import claimed, write_environment
from orderctl.stack.process import ROOT

PROGRAMS = [
    "orderctl compare --help",
    "loadtest --help",
    "bench --help",
    "docs.workshop.look --help",
    "orderctl doctor --seconds 0.1",
]
#: An environment in which nothing of this machine is found.
NOWHERE = {"ORDER_URL": "http://127.0.0.1:9", "DEMO_FOLDER": "/nowhere"}


def in_shell(command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m` with these words in a shell, with redirections."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$PYTHON" -m {command}'],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHON": sys.executable, **NOWHERE, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_non_ascii_output_does_not_fail_on_an_ascii_terminal(program: str) -> None:
    done = in_shell(program, {"PYTHONIOENCODING": "ascii"})

    assert done.stderr == b""
    assert done.returncode == (1 if "doctor" in program else 0)
    assert done.stdout.isascii()
    assert done.stdout.strip()


def test_a_document_is_utf_8_with_any_terminal(tmp_path: Path) -> None:
    report = tmp_path / "größe"
    source = "docs/comparison/comparison.json"
    command = f"orderctl compare --json --from {source} --report '{report}'"

    done = in_shell(command, {"PYTHONIOENCODING": "ascii"})

    assert (done.returncode, done.stderr) == (0, b"")
    assert msgspec.json.decode(done.stdout) == msgspec.json.decode((ROOT / source).read_bytes())
    assert (report / "report.html").exists()


@pytest.mark.parametrize(
    ("redirected", "status", "says"),
    [
        (">/dev/full", os.EX_IOERR, b"The system: No space left on device\n"),
        ("--json >/dev/full", os.EX_IOERR, b"The system: No space left on device\n"),
        (">&-", 1, b""),
        ("| true", 141, b""),
        ("--json >&- 2>&- <&-", 1, b""),
        ("2>&1 | true", 141, b""),
    ],
)
def test_a_full_output_causes_no_traceback(redirected: str, status: int, says: bytes) -> None:
    if "full" in redirected and not Path("/dev/full").exists():
        pytest.skip("only Linux has a file that is always full")
    done = in_shell(f"orderctl doctor --seconds 0.1 {redirected}", {})

    assert done.stderr == says
    assert done.returncode == status


def test_with_stderr_closed_stdout_has_only_the_document() -> None:
    done = in_shell("orderctl journey ord-1 --json 2>&-", {})

    assert set(msgspec.json.decode(done.stdout)) == {"error"}


@pytest.mark.parametrize(("columns", "term"), [("0", "dumb"), ("20", "none"), ("many", "dumb")])
def test_an_unknown_terminal_causes_no_failure(columns: str, term: str) -> None:
    environment = {"COLUMNS": columns, "TERM": term, "NO_COLOR": "1", "TZ": "Nowhere/At All"}
    done = in_shell("orderctl doctor --seconds 0.1", environment)

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("orderctl demo --folder", "file/demo"),
        ("orderctl demo --folder", "dangling"),
        ("loadtest --folder", "file/run"),
    ],
)
def test_a_folder_that_cannot_be_created_gives_a_sentence(
    tmp_path: Path, command: str, folder: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "demo")

    done = in_shell(f"{command} {tmp_path / folder}", {})

    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}".encode())
    assert done.stderr.endswith(b"or use another folder.\n")
    assert done.stderr.count(b"\n") == 1


def test_a_folder_that_is_too_deep_for_sqlite_is_refused_with_advice(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "/".join(6 * ["x" * 100])
    done = in_shell(f"orderctl demo --folder {folder}", {})

    assert done.returncode == 2
    assert done.stderr.startswith(b"SQLite cannot open a file whose path is longer than 504 bytes")
    assert done.stderr.endswith(b": use a folder with a shorter path\n")


def test_settings_that_differ_from_the_running_demo_cause_a_warning(
    tmp_path: Path,
) -> None:
    with claimed(tmp_path):
        written = {
            "ORDER_URL": NOWHERE["ORDER_URL"],
            "BROKER_URL": "sqlite:////a",
            "CONSUMERS": "email",
        }
        write_environment(tmp_path, written)
        shell = {"DEMO_FOLDER": str(tmp_path), "BROKER_URL": "sqlite:////b", "CONSUMERS": "sms"}
        other = in_shell("orderctl journey ord-1", shell)
        same = in_shell("orderctl journey ord-1", {**written, "DEMO_FOLDER": str(tmp_path)})

    assert other.stderr.splitlines()[0].endswith(b"use the demo: unset BROKER_URL CONSUMERS")
    assert b"A demo is running" not in same.stderr


def test_under_nohup_sighup_is_ignored_but_sigterm_is_not() -> None:
    words = (
        "import signal; from orderctl.program import end_like_ctrl_c; end_like_ctrl_c();"
        "print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN,"
        "signal.getsignal(signal.SIGTERM) == signal.default_int_handler)"
    )
    done = in_shell(f'orderctl.stack.ports; trap "" HUP; "$PYTHON" -c "{words}"', {})
    assert done.stdout == b"True True\n"
    assert signal.getsignal(signal.SIGHUP) != signal.SIG_IGN


@pytest.mark.parametrize("program", ["orderctl", "loadtest", "bench"])
def test_ctrl_c_during_the_imports_ends_a_program_silently(tmp_path: Path, program: str) -> None:
    (tmp_path / "typer.py").write_text(
        "import time; print('importing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-m", program, "--help"],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"importing\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert (process.returncode, said) == (-signal.SIGINT, b"")
