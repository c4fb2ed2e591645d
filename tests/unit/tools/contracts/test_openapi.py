"""Every process has an OpenAPI document with exactly its routes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contracts import CONSUMERS, FOLDER, SERVED, committed, consumer, openapi, operations
from tests.http_sides import SIDES
from tests.tables import connections_closed
from tools.contracts.http_compatibility import breaches

#: Flask adds these two to every route.
UNSAID = {"HEAD", "OPTIONS"}
#: This route takes the token in its body.
BEGINS_A_SESSION = "/api/session"


def test_every_process_has_a_document() -> None:
    assert SERVED.keys() == SIDES.keys()


@pytest.mark.parametrize("name", SERVED)
def test_the_document_is_valid_openapi(name: str) -> None:
    document = openapi(name)
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


@pytest.mark.parametrize("name", sorted(committed()))
def test_each_file_is_valid_openapi_together_with_the_others(name: str) -> None:
    """The library resolves the references, not our own code."""
    at = (FOLDER / "openapi" / f"{name}.json").absolute().as_uri()
    assert list(OpenAPIV31SpecValidator(committed()[name], base_uri=at).iter_errors()) == []


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_shared_document_fits_every_consumer(name: str) -> None:
    assert list(breaches(consumer(), openapi(name))) == []


@pytest.mark.parametrize("name", CONSUMERS)
def test_routes_of_all_consumers_are_described_once(name: str) -> None:
    """Except for effects, which differ between consumers."""
    paths = committed()[name]["paths"]
    referred = {path for path, item in paths.items() if "$ref" in item}
    assert referred == consumer()["paths"].keys() - {"/orders/{orderId}"}


@pytest.mark.parametrize("name", SERVED)
def test_the_document_has_exactly_the_routes(name: str, sqlite_url: str, tmp_path: Path) -> None:
    with connections_closed():
        routes = set(_routes(SIDES[name](sqlite_url, tmp_path).app.url_map.iter_rules()))
    assert routes == {(method, path) for method, path, _ in operations(openapi(name))}


@pytest.mark.parametrize("name", SERVED)
def test_exactly_the_routes_with_a_token_document_401(name: str) -> None:
    for _method, path, operation in operations(openapi(name)):
        if path == BEGINS_A_SESSION:
            continue
        assert ("security" in operation) is ("401" in operation["responses"])


def _routes(rules: Iterator) -> Iterator[tuple[str, str]]:
    for rule in rules:
        path = rule.rule.replace("<path:", "{").replace("<", "{").replace(">", "}")
        for method in (rule.methods or set()) - UNSAID:
            yield method, re.sub(r"_(\w)(?=[^{]*})", lambda found: found[1].upper(), path)
