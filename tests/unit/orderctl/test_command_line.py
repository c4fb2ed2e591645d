"""`orderctl` as a command; its hints use the form in which it was called."""

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from venv import EnvBuilder

import pytest

from orderctl import __version__
from orderctl.demo_folder import claimed, write_environment
from orderctl.stack.process import ROOT

#: The script that pip creates, without a checkout's path.
SCRIPT = f"#!{sys.executable}\nfrom orderctl.start import main\nmain()\n"
#: Settings without an order service or a running demo.
NOWHERE = {"ORDER_URL": "http://127.0.0.1:9", "DEMO_FOLDER": "/nowhere", "PYTHONPATH": str(ROOT)}
#: It cannot reach the order service, and suggests the command that starts it.
JOURNEY = "journey ord-1"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a space in its path, and the command in `.venv/bin`."""
    script = tmp_path / "a b" / ".venv" / "bin" / "orderctl"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return tmp_path / "a b"


def run(
    typed: str, folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", typed],
        cwd=folder,
        env={"PATH": os.defpath, **NOWHERE, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "below", "path", "said"),
    [
        (".venv/bin/orderctl", ".", "", ".venv/bin/orderctl"),
        ("../.venv/bin/orderctl", ".venv", "", "../.venv/bin/orderctl"),
        ("./orderctl", ".venv/bin", "", "./orderctl"),
        ("orderctl", ".", "{checkout}/.venv/bin:", "orderctl"),
        ('"$PWD/.venv/bin/orderctl"', ".", "", ".venv/bin/orderctl"),
        ('"{checkout}/.venv/bin/orderctl"', "..", "", "'a b/.venv/bin/orderctl'"),
        ('"{checkout}/.venv/bin/orderctl"', "/usr", "", "'{checkout}/.venv/bin/orderctl'"),
        (f"{sys.executable} -m orderctl", ".", "", f"{sys.executable} -m orderctl"),
        ("python -m orderctl", ".", f"{Path(sys.executable).parent}:", "python -m orderctl"),
    ],
)
def test_a_hint_can_be_pasted_into_the_same_shell(
    checkout: Path, typed: str, below: str, path: str, said: str
) -> None:
    searched = {"PATH": path.format(checkout=checkout) + os.defpath}
    done = run(f"{typed.format(checkout=checkout)} {JOURNEY}", checkout / below, searched)

    [hint] = [part for part in done.stderr.split("(") if "starts everything" in part]
    assert hint.partition(" demo --keep")[0] == said.format(checkout=checkout)
    again = run(f"{hint.partition(' demo --keep')[0]} --version", checkout / below, searched)
    assert (again.returncode, again.stdout) == (0, f"orderctl {__version__}\n")


@pytest.mark.parametrize("words", ["--help", "", "audit --nonsense"])
def test_python_m_orderctl_behaves_the_same(checkout: Path, words: str) -> None:
    command = run(f".venv/bin/orderctl {words}", checkout)
    module = run(f"{sys.executable} -m orderctl {words}", checkout)

    assert (module.returncode, module.stdout, module.stderr) == (
        command.returncode,
        command.stdout,
        command.stderr,
    )


def test_shell_completion_prints_only_the_words(checkout: Path, tmp_path: Path) -> None:
    asked = {"_ORDERCTL_COMPLETE": "complete_bash", "COMP_WORDS": "orderctl jo", "COMP_CWORD": "1"}
    with claimed(tmp_path / "demo"):
        write_environment(tmp_path / "demo", {"BROKER_URL": "sqlite:////a"})
        # It names another broker than the running demo's, which every command warns about.
        shell = {"DEMO_FOLDER": str(tmp_path / "demo"), "BROKER_URL": "sqlite:////b", **asked}
        done = run(".venv/bin/orderctl", checkout, shell)

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["journey"], "")


def test_make_installs_it_with_any_folder_name_and_locale(tmp_path: Path) -> None:
    folder = tmp_path / "what?%2F%s a#b größe's"
    for name in ("orderctl", "shared", "shop"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    EnvBuilder().create(folder / ".venv")
    # pip and its build backend come from this environment.
    [packages] = (folder / ".venv").glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([ROOT / "tools" / "make-command", ".venv"], cwd=folder, check=True)

    plain = {"LC_ALL": "C", "PYTHONPATH": ""}
    done = run("'what?%2F%s a#b größe'\\''s/.venv/bin/orderctl' --version", tmp_path, plain)
    where = run(
        ".venv/bin/python -c 'import orderctl; print(ascii(orderctl.__file__))'",
        folder,
        {**plain, "PYTHONSAFEPATH": "1"},
    )

    assert (done.returncode, done.stdout) == (0, f"orderctl {__version__}\n")
    assert os.fsencode(ast.literal_eval(where.stdout)) == os.fsencode(
        folder / "orderctl/__init__.py"
    )
