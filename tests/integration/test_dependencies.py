"""What a service declares is enough for it, and all lists agree on the versions."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
LISTS = sorted(ROOT.glob("services/*/requirements.txt")) + sorted(ROOT.glob("*/requirements.txt"))

#: They share code with the services, but are never given the URL of a broker or of a database,
#: and that is when the adapter for it, and so its library, is imported.
BROKERS = ("shared.transport.rabbitmq", "shared.transport.kafka")
NEVER_IMPORTED = {
    "simulators": BROKERS,
    "services.dashboard": (*BROKERS, "shared.database"),
}

#: What runs in an image of its own, without the rest of its package.
ALONE = {"loadtest": "loadtest.locustfile"}

IMPORT_ALL = """\
import importlib, sys
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        print(f"{module} needs {error.name}")
"""


def package_of(requirements: Path) -> str:
    """services/email/requirements.txt is the list of services.email."""
    return ".".join(requirements.parent.relative_to(ROOT).parts)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(
        "services", "simulators", "orderctl", "loadtest", "shared", "shop", cache_dir=None
    )


def reachable_from(package: str, imports: grimp.ImportGraph) -> set[str]:
    """Its modules and all of ours that these import, be it only inside of a function."""
    package = ALONE.get(package, package)
    own = {package} | imports.find_descendants(package)
    reached = own | imports.find_upstream_modules(package, as_package=True)
    never = NEVER_IMPORTED.get(package, ())
    return {module for module in reached if not module.startswith(never)}


def missing(modules: Iterable[str], *, python: Path, folder: Path) -> list[str]:
    """A line for every module that this Python, started in this folder, lacks something for."""
    command = [str(python), "-c", IMPORT_ALL, *sorted(modules)]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def make_venv(folder: Path, requirements: Path) -> Path:
    """A virtual environment with that list and nothing else; returns its Python."""
    python = folder / "bin" / "python"
    uv("venv", "--quiet", "--python", sys.executable, str(folder))
    install = ["pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    try:
        # From what an earlier run has downloaded, so that the second one needs no network.
        uv(*install, "--offline", "-r", str(requirements))
    except subprocess.CalledProcessError:
        uv(*install, "-r", str(requirements))
    return python


def uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("requirements", LISTS, ids=package_of)
def test_what_a_service_declares_is_enough_for_it(
    requirements: Path, imports: grimp.ImportGraph, tmp_path: Path
) -> None:
    modules = reachable_from(package_of(requirements), imports)
    python = make_venv(tmp_path / "venv", requirements)
    assert missing(modules, python=python, folder=ROOT) == []


def test_what_is_imported_inside_of_a_function_counts(imports: grimp.ImportGraph) -> None:
    assert "shared.transport.rabbitmq.broker" in reachable_from("services.email", imports)


def test_a_dependency_that_is_not_declared_is_named(tmp_path: Path) -> None:
    (tmp_path / "hollow.py").write_text("import json\n")
    (tmp_path / "greedy.py").write_text("import nobody_declared_this\n")
    found = missing(["hollow", "greedy"], python=Path(sys.executable), folder=tmp_path)
    assert found == ["greedy needs nobody_declared_this"]


@pytest.mark.parametrize("requirements", LISTS, ids=package_of)
def test_every_list_pins_what_the_tests_ran_with(requirements: Path) -> None:
    assert pins(requirements) <= pins(ROOT / "requirements-dev.txt")


@pytest.mark.parametrize("requirements", LISTS, ids=package_of)
def test_everything_declared_is_pinned(requirements: Path) -> None:
    pinned = {name for name, _ in pins(requirements)}
    assert declared(requirements.with_suffix(".in")) <= pinned


def declared(requirements: Path) -> set[str]:
    """The packages of a list, and of those that it includes."""
    text = requirements.read_text()
    included = re.findall(r"^-r (\S+)$", text, re.MULTILINE)
    own = set(re.findall(r"^\w[\w-]*", text, re.MULTILINE))
    return own.union(*(declared(requirements.parent / name) for name in included))


def pins(requirements: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(), re.MULTILINE))
