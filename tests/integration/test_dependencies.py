"""The dependencies that a service declares are sufficient, and all lists agree on versions."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
LISTS = sorted(ROOT.glob("services/*/requirements.txt")) + sorted(ROOT.glob("*/requirements.txt"))

#: They share code with the services, but never get the URL of a broker or a database, and the
#: adapter with its library is only imported for such a URL.
BROKERS = ("shared.transport.rabbitmq", "shared.transport.kafka")
NEVER_IMPORTED = {
    "simulators": BROKERS,
    "services.dashboard": (*BROKERS, "shared.database"),
}

#: Modules that run in an image of their own, without the rest of their package.
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
    """For example, services.email for services/email/requirements.txt."""
    return ".".join(requirements.parent.relative_to(ROOT).parts)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(
        "services", "simulators", "orderctl", "loadtest", "shared", "shop", cache_dir=None
    )


def reachable_from(package: str, imports: grimp.ImportGraph) -> set[str]:
    """The package's modules and all modules of ours that they import, also inside functions."""
    package = ALONE.get(package, package)
    own = {package} | imports.find_descendants(package)
    reached = own | imports.find_upstream_modules(package, as_package=True)
    never = NEVER_IMPORTED.get(package, ())
    return {module for module in reached if not module.startswith(never)}


def missing(modules: Iterable[str], *, python: Path, folder: Path) -> list[str]:
    """A line for every module that this Python, started in this folder, cannot import."""
    command = [str(python), "-c", IMPORT_ALL, *sorted(modules)]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def make_venv(folder: Path, requirements: Path) -> Path:
    """Create a virtual environment with only that list installed; returns its Python."""
    python = folder / "bin" / "python"
    uv("venv", "--quiet", "--python", sys.executable, str(folder))
    install = ["pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    try:
        # From the download cache of an earlier run, so that the second run needs no network.
        uv(*install, "--offline", "-r", str(requirements))
    except subprocess.CalledProcessError:
        uv(*install, "-r", str(requirements))
    return python


def uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("requirements", LISTS, ids=package_of)
def test_declared_dependencies_are_sufficient(
    requirements: Path, imports: grimp.ImportGraph, tmp_path: Path
) -> None:
    modules = reachable_from(package_of(requirements), imports)
    python = make_venv(tmp_path / "venv", requirements)
    assert missing(modules, python=python, folder=ROOT) == []


def test_imports_inside_functions_count(imports: grimp.ImportGraph) -> None:
    assert "shared.transport.rabbitmq.broker" in reachable_from("services.email", imports)


def test_an_undeclared_dependency_is_reported(tmp_path: Path) -> None:
    (tmp_path / "hollow.py").write_text("import json\n")
    (tmp_path / "greedy.py").write_text("import nobody_declared_this\n")
    found = missing(["hollow", "greedy"], python=Path(sys.executable), folder=tmp_path)
    assert found == ["greedy needs nobody_declared_this"]


@pytest.mark.parametrize("requirements", LISTS, ids=package_of)
def test_every_list_pins_the_versions_under_test(requirements: Path) -> None:
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
