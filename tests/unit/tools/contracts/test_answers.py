"""Every response to generated requests is in the process's OpenAPI document."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.contracts import SERVED, openapi
from tests.documented import make_consistent, schema_of
from tests.http_sides import SIDES, HttpSide
from tests.tables import connections_closed

#: The order service gets many more of them in tests/integration/test_fuzz_order.py.
OTHERS = [name for name in SERVED if name != "order"]
EXAMPLES = 10
few = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

#: Where a schemathesis check expects something that we do not guarantee.
EXCUSED: dict[str, list[CheckFunction]] = {
    # It correctly reports not ready, since only the HTTP side is running here.
    "GET /health/ready": [not_a_server_error],
    # Events of an unknown type are ignored, whatever their body.
    "POST /events": [negative_data_rejection],
    # As in Mailpit, a missing body means all mails.
    "DELETE /api/v1/messages": [negative_data_rejection],
    # The same key with another text: a schema cannot refer to an earlier request.
    "POST /messages": [positive_data_acceptance],
}


@pytest.fixture(params=OTHERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def side(name: str, sqlite_url: str, tmp_path: Path) -> Iterator[HttpSide]:
    with connections_closed():
        side = SIDES[name](sqlite_url, tmp_path)
        yield side
        side.reset()


def test_every_response_to_generated_requests_is_documented(name: str, side: HttpSide) -> None:
    for found in schema_of(openapi(name), examples=EXAMPLES, app=side.app).get_all_operations():
        assert isinstance(found, Ok)
        attack(side, found.ok())


def attack(side: HttpSide, operation: APIOperation) -> None:
    excused = EXCUSED.get(operation.label)

    @few
    @given(operation.as_strategy())
    def is_as_documented(case: Case) -> None:
        side.reset()
        make_consistent(case)
        case.body = _with_whole_numbers(case.body)
        case.call_and_validate(excluded_checks=excused)

    is_as_documented()


def _with_whole_numbers(part: Any) -> Any:
    """In JSON Schema 420.0 is an integer, but not for Python's JSON parsers."""
    if isinstance(part, dict):
        return {name: _with_whole_numbers(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_whole_numbers(value) for value in part]
    return int(part) if isinstance(part, float) and part.is_integer() else part
