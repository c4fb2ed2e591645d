"""Tests that do not apply to a transport are declared, exist, and have a reason."""

import ast
from pathlib import Path

from tests.conformance.transports import NOT_APPLICABLE, TRANSPORTS, transports_for


def _tests() -> set[str]:
    return {
        node.name
        for file in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_transport_declares_the_tests_that_do_not_apply() -> None:
    assert NOT_APPLICABLE.keys() == TRANSPORTS.keys()


def test_every_declaration_names_a_test_and_a_reason() -> None:
    for declared in NOT_APPLICABLE.values():
        assert set(declared) <= _tests()
        assert all(len(reason.split()) > 3 for reason in declared.values())


def test_every_test_runs_on_some_transport() -> None:
    assert [name for name in _tests() if not transports_for(name)] == []
