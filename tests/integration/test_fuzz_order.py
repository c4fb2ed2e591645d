"""The order service under requests that schemathesis generates from its OpenAPI document, valid and
invalid. Every response must be documented.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case

from tests.documented import Door, make_consistent, schema
from tests.documented_service import DocumentedService

door = Door()
documented = schema(examples=60, app=door)

#: All generated requests of a route go to one service, on purpose.
one_service = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
few_walks = settings(
    max_examples=15,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def service(request: pytest.FixtureRequest) -> Iterator[DocumentedService]:
    with DocumentedService(request.getfixturevalue(request.param)) as made:
        door.app = made.app
        yield made


@documented.parametrize()
@one_service
def test_every_response_is_documented_and_refused_requests_write_nothing(
    case: Case, service: DocumentedService
) -> None:
    service.forget_keys()
    make_consistent(case)
    before = service.content()
    answer = case.call_and_validate()
    if answer.status_code not in (201, 202):
        assert service.content() == before


def test_the_documented_links_lead_to_the_placed_order(service: DocumentedService) -> None:
    followed: list[tuple[str, int]] = []

    class Walk(documented.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Case) -> None:
            service.forget_keys()
            make_consistent(case)

        def after_call(self, response: Any, case: Case) -> None:
            followed.append((case.operation.label, response.status_code))

    run_state_machine_as_test(Walk, settings=few_walks)
    reached = set(followed)
    assert ("GET /orders/{orderId}", 200) in reached
    assert ("GET /orders/{orderId}/journey", 200) in reached
