"""Checkouts with odd paths, and `make` in shells with odd variables."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from orderctl.stack.process import ROOT

#: Variables of a shell that has been used for other things.
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
    # In a git hook, GIT_DIR names the hook's repository.
    done = run("env", "-u", "GIT_DIR", "-u", "GIT_INDEX_FILE", "git", *options, *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked() -> list[str]:
    return [name for name in git("ls-files", "-z", cwd=ROOT).split("\0") if (ROOT / name).is_file()]


def test_a_clone_with_windows_line_endings_configured_is_identical(
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
    """The files that `make` reads, with a `python` and an `orderctl` that print their arguments."""
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
def test_make_works_with_any_folder_name_and_environment(tmp_path: Path, name: str) -> None:
    folder = a_checkout(tmp_path / name)

    done = run("make", "-C", str(folder), "demo", cwd=tmp_path, environment=LEAKS)

    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert lines[:2] == ["orderctl", "demo"]
    assert [
        line for line in lines if line.partition("=")[0] in LEAKS.keys() - {"ARGS", "BROKER"}
    ] == []


def test_make_keeps_the_variables_that_pip_may_need(tmp_path: Path) -> None:
    folder = a_checkout(tmp_path / "checkout")
    done = run("make", "demo", cwd=folder, environment={"PIP_INDEX_URL": "https://index.invalid/"})

    assert "PIP_INDEX_URL=https://index.invalid/" in done.stdout.splitlines()


def test_make_refuses_an_unknown_broker(tmp_path: Path) -> None:
    done = run("make", "up", "BROKER=Kafka", cwd=a_checkout(tmp_path / "checkout"))

    assert done.returncode == 2
    assert "BROKER is rabbitmq or kafka, not Kafka" in done.stderr


def test_files_mounted_into_containers_are_readable(tmp_path: Path) -> None:
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


def test_tools_run_in_their_checkout_despite_cdpath(tmp_path: Path) -> None:
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
def test_a_folder_unsuitable_for_a_venv_is_refused_with_advice(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    done = run("bash", str(ROOT / "tools/make-venv"), "python3", ".venv", cwd=tmp_path / name)

    assert done.returncode == 1
    assert done.stderr.endswith("Rename that folder, or move the checkout.\n")
    assert list((tmp_path / name).iterdir()) == []
