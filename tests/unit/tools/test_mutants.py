"""The lists of planted faults match the code; `make mutants` checks that tests detect them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.mutants.faults import PlantedFault, WrongList, all_faults

FAULT = PlantedFault("a name", "shared/a.py", "return 1", "return 2", ())


def test_every_fault_can_be_planted_and_names_tests_that_exist() -> None:
    assert [problem for fault in all_faults() for problem in problems(fault)] == []


def problems(fault: PlantedFault) -> Iterator[str]:
    try:
        ast.parse(fault.planted(Path(fault.file).read_text(encoding="utf-8")))
    except (WrongList, SyntaxError, OSError) as error:
        yield str(error)
    yield from (f"{fault.name}: there is no {test}" for test in fault.tests if not exists(test))
    if not fault.tests:
        yield f"{fault.name}: no test is named"


def exists(test: str) -> bool:
    """Whether the file exists, and contains the test function if one is named."""
    file, _, name = test.partition("::")
    defined = f"def {name.partition('[')[0]}("
    return Path(file).exists() and (not name or defined in Path(file).read_text(encoding="utf-8"))


def test_a_fault_replaces_its_old_text() -> None:
    assert FAULT.planted("def f():\n    return 1\n") == "def f():\n    return 2\n"


@pytest.mark.parametrize("text", ["", "return 1\nreturn 1\n"], ids=["nowhere", "twice"])
def test_a_fault_with_an_ambiguous_place_is_refused(text: str) -> None:
    with pytest.raises(WrongList, match=r"a name: .* times in shared/a\.py"):
        FAULT.planted(text)
