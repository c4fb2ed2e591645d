"""Only tests import tests; shared code, such as private servers, is in `tools/`."""

import ast
from pathlib import Path

import pytest

PACKAGES = [
    "bench",
    "docs",
    "loadtest",
    "orderctl",
    "services",
    "shared",
    "shop",
    "simulators",
    "tools",
]
FILES = sorted(file for package in PACKAGES for file in Path(package).rglob("*.py"))


def imports_of(code: str) -> set[str]:
    """The top-level packages that the code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("package", PACKAGES)
def test_only_tests_import_tests(package: str) -> None:
    files = [file for file in FILES if file.parts[0] == package]
    assert files
    assert [file for file in files if "tests" in imports_of(file.read_text())] == []


def test_every_form_of_import_is_found() -> None:
    code = "import tests.fakes\ndef load():\n    from services.email import smtp\n"
    assert imports_of(code) == {"tests", "services"}
