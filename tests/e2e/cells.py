"""Selects the cells of a test matrix that `make test` runs; `make test-all` runs all of them."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.stacks import TRANSPORTS


def matrix_but_on(*every_run: str) -> pytest.MarkDecorator:
    """All transports in `make test-all`; only these in `make test`, for what hardly involves the
    broker.
    """
    cells = [_cell(name in every_run, name) for name in TRANSPORTS]
    return pytest.mark.parametrize("transport", cells, indirect=True, scope="module")


def latin_square(*rows: Sequence[Any]) -> list[Any]:
    """Every row on every transport in `make test-all`; in `make test`, each row on one of them."""
    return [
        _cell(number % len(TRANSPORTS) == place, transport, *row)
        for place, transport in enumerate(TRANSPORTS)
        for number, row in enumerate(rows)
    ]


def _cell(is_in_every_run: bool, *values: Any) -> Any:
    return pytest.param(*values, marks=[] if is_in_every_run else pytest.mark.matrix)
