"""Any request to any endpoint: no server error, and refused requests write nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.http_sides import SIDES, HttpSide
from tests.odd_requests import VALUES, odd_paths, odd_requests
from tests.tables import connections_closed

#: One process for all requests, on purpose, and the same requests in every run.
many = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[HttpSide]:
    with connections_closed():
        yield SIDES[request.param](database_url, tmp_path)


def routes(side: HttpSide) -> Iterator[tuple[Rule, str]]:
    for rule in side.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def is_for_operators(rule: Rule, method: str) -> bool:
    is_list = rule.rule in ("/orders", "/outbox", "/effects") and method == "GET"
    return is_list or rule.rule.startswith(("/dead-letters", "/replays", "/faults"))


def test_any_request_gets_a_response_and_refused_ones_write_nothing(side: HttpSide) -> None:
    for rule, method in routes(side):

        @many
        @given(odd_requests(rule, method))
        def is_well_answered(request: dict[str, Any]) -> None:
            assert_well_answered(side, request)

        is_well_answered()


@many
@given(path=odd_paths(), method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
def test_any_path_and_method_gets_a_response(side: HttpSide, path: str, method: str) -> None:
    assert_well_answered(side, {"path": path, "method": method})


@pytest.mark.parametrize("path", ["/health//live", "/metrics//", "/metrics/", "/orders//x"])
def test_a_path_with_an_extra_slash_is_unknown(side: HttpSide, path: str) -> None:
    answer = side.app.test_client().get(path)
    assert answer.status_code == 404
    assert_problem(answer)


def test_operator_endpoints_are_for_operators_only(side: HttpSide) -> None:
    for rule, method in [route for route in routes(side) if is_for_operators(*route)]:

        @many
        @given(odd_requests(rule, method), VALUES.map("Bearer {}".format) | VALUES)
        def is_kept(request: dict[str, Any], credentials: str) -> None:
            request["headers"]["Authorization"] = credentials
            before = side.content()
            answer = side.app.test_client().open(**request)
            assert answer.status_code == 401
            assert_problem(answer)
            assert side.content() == before

        is_kept()


def assert_well_answered(side: HttpSide, request: dict[str, Any]) -> None:
    client = side.app.test_client()
    side.reset()
    before = side.content()
    answer = client.open(**request, buffered=True)
    if request["path"] == "/health/ready" and answer.status_code == 503:
        # Correctly so: only the HTTP side is running here.
        return
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert_problem(answer)
        assert side.content() == before


def assert_problem(answer: TestResponse) -> None:
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json(force=True)
    assert problem["status"] == answer.status_code
    assert problem["type"]
    assert problem["title"]
    assert problem["detail"]
