"""How a checkout is made, where it lies, and what a shell holds while `make` runs in it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from orderctl.stack.process import ROOT

#: Of a shell that has been used for other things.
LEAKS = {
    "ARGS": "--something",
    "BROKER": "nats",
    "PIP_TARGET": "/elsewhere",
    "PIP_USER": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "error",
}


def run(
    *words: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def git(*words: str, cwd: Path) -> str:
    settings = ("user.name=a", "user.email=a@b.invalid", "commit.gpgsign=false", "core.hooksPath=")
    options = [word for setting in settings for word in ("-c", setting)]
    # In a hook of git's, GIT_DIR names the repository that the hook is for.
    done = run("env", "-u", "GIT_DIR", "-u", "GIT_INDEX_FILE", "git", *options, *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked() -> list[str]:
    return [name for name in git("ls-files", "-z", cwd=ROOT).split("\0") if (ROOT / name).is_file()]


def test_a_clone_that_would_have_windows_line_endings_is_byte_for_byte_the_same(
    tmp_path: Path,
) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone of a repository")
    files = tracked()
    origin = tmp_path / "origin"
    for name in files:
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, origin / name)
    git("init", "--quiet", cwd=origin)
    git("add", "--all", "--force", cwd=origin)
    git("commit", "--quiet", "--message", "As it is", cwd=origin)

    git("clone", "--quiet", "--config", "core.autocrlf=true", "origin", "clone", cwd=tmp_path)

    changed = [
        name
        for name in files
        if (tmp_path / "clone" / name).read_bytes() != (ROOT / name).read_bytes()
    ]
    assert changed == []


def a_checkout(folder: Path) -> Path:
    """What `make` reads, with a Python and an `orderctl` that only say how they were called."""
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "orderctl"):
        program = folder / ".venv" / "bin" / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "${0##*/}" "$@"\nenv\n')
        program.chmod(0o755)
    for name in ("simulators", "orderctl", "loadtest"):
        (folder / name).mkdir()
        (folder / name / "requirements.txt").touch()
    (folder / "requirements-dev.txt").touch()
    for made in (".made", ".runtime", ".loadtest", ".dev"):
        (folder / ".venv" / made).touch()
    return folder


@pytest.mark.parametrize("name", ["a b#c", "what?%2F%s", "größe's"])
def test_make_runs_what_it_is_to_run_whatever_the_folder_is_called_and_the_shell_holds(
    tmp_path: Path, name: str
) -> None:
    folder = a_checkout(tmp_path / name)

    done = run("make", "-C", str(folder), "demo", cwd=tmp_path, environment=LEAKS)

    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert lines[:2] == ["orderctl", "demo"]
    assert [
        line for line in lines if line.partition("=")[0] in LEAKS.keys() - {"ARGS", "BROKER"}
    ] == []


def test_make_keeps_the_variables_without_which_pip_may_find_nothing(tmp_path: Path) -> None:
    folder = a_checkout(tmp_path / "checkout")
    done = run("make", "demo", cwd=folder, environment={"PIP_INDEX_URL": "https://index.invalid/"})

    assert "PIP_INDEX_URL=https://index.invalid/" in done.stdout.splitlines()


def test_make_refuses_a_broker_that_there_is_not(tmp_path: Path) -> None:
    done = run("make", "up", "BROKER=Kafka", cwd=a_checkout(tmp_path / "checkout"))

    assert done.returncode == 2
    assert "BROKER is rabbitmq or kafka, not Kafka" in done.stderr


def test_what_containers_read_from_the_checkout_they_may_read(tmp_path: Path) -> None:
    folder = a_checkout(tmp_path / "checkout")
    scripts = [path for path in (folder / "deploy").rglob("*") if path.is_file()]
    for path in (folder / "deploy").rglob("*"):
        path.chmod(0o700)
    (folder / "bin").mkdir()
    docker = folder / "bin" / "docker"
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)

    done = run(
        "make", "up", cwd=folder, environment={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    )

    assert done.returncode == 0, done.stderr
    assert {path.stat().st_mode & 0o777 for path in scripts} == {0o755}


def test_a_tool_runs_in_its_checkout_whatever_cdpath_says(tmp_path: Path) -> None:
    folder = a_checkout(tmp_path / "checkout")
    (tmp_path / "other" / "tools").mkdir(parents=True)
    docker = folder / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" != compose ] || pwd >> "$SEEN"\n')
    docker.chmod(0o755)
    seen = tmp_path / "seen"
    environment = {
        "CDPATH": str(tmp_path / "other"),
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SEEN": str(seen),
    }

    done = run("tools/prune", cwd=folder, environment=environment)

    assert (done.returncode, done.stdout) == (0, "")
    assert set(seen.read_text().splitlines()) == {str(folder)}


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a$b", "a`b", "a\\b", "a\nb"])
def test_a_folder_in_which_no_virtual_environment_works_is_refused_with_advice(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()

    done = run("bash", str(ROOT / "tools/make-venv"), "python3", ".venv", cwd=tmp_path / name)

    assert done.returncode == 1
    assert done.stderr.endswith("Rename that folder, or move the checkout.\n")
    assert list((tmp_path / name).iterdir()) == []
