"""Which cells of a matrix every run has; the others are for `make test-all`."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.stacks import TRANSPORTS


def matrix_but_on(*every_run: str) -> pytest.MarkDecorator:
    """For what has little to do with the broker: each transport, and each time these."""
    cells = [_cell(name in every_run, name) for name in TRANSPORTS]
    return pytest.mark.parametrize("transport", cells, indirect=True, scope="module")


def latin_square(*rows: Sequence[Any]) -> list[Any]:
    """Each row on each transport, and each time one row on one of them, the next on the next."""
    return [
        _cell(number % len(TRANSPORTS) == place, transport, *row)
        for place, transport in enumerate(TRANSPORTS)
        for number, row in enumerate(rows)
    ]


def _cell(is_in_every_run: bool, *values: Any) -> Any:
    return pytest.param(*values, marks=[] if is_in_every_run else pytest.mark.matrix)
