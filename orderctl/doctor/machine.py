"""Checks the Python version and the packages that the services import."""

import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from orderctl.doctor.finding import Finding, ok, problem

OLDEST_PYTHON = (3, 11)
#: Each service, the simulators and orderctl list their own imports, and services/ the shared
#: ones; an image contains only its own list.
REQUIREMENTS = ("*/requirements.in", "*/*/requirements.in")
ROOT = Path(__file__).parents[2]

Version = Callable[[str], str]


def check_python(found: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    saw = ".".join(map(str, found))
    if found[:2] >= OLDEST_PYTHON:
        return ok("Python", saw)
    needed = ".".join(map(str, OLDEST_PYTHON))
    return problem("Python", saw, f"Install Python {needed} or newer, then run: make demo")


def check_packages(root: Path = ROOT, version_of: Version = version) -> Finding:
    needed = sorted(set(_needed(root)))
    if not needed:
        return problem(
            "packages", f"no requirements.in below {root}", "Check the project out again."
        )
    missing = [name for name in needed if not _is_installed(name, version_of)]
    if not missing:
        return ok("packages", f"all {len(needed)} installed")
    return problem(
        "packages",
        f"not installed: {', '.join(missing)}",
        "Run make demo, which creates .venv, then use .venv/bin/orderctl.",
    )


def _needed(root: Path) -> Iterator[str]:
    for pattern in REQUIREMENTS:
        for file in root.glob(pattern):
            yield from re.findall(
                r"^[A-Za-z0-9][\w-]*", file.read_text(encoding="utf-8"), re.MULTILINE
            )


def _is_installed(name: str, version_of: Version) -> bool:
    try:
        version_of(name)
    except PackageNotFoundError:
        return False
    return True
