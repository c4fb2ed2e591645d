"""The OpenAPI document matches the code: routes, ids, keys, refusals, examples."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from services.order.errors import InvalidKey, OrderFailed, RequestRefused
from services.order.idempotency import LONGEST_KEY, read_key
from shared.events import ID_PATTERN, is_id
from tests.documented import as_sent
from tests.documented_service import DocumentedService

DOCUMENT = as_sent()
KINDS: list[type[RequestRefused | OrderFailed]] = [
    *RequestRefused.__subclasses__(),
    *OrderFailed.__subclasses__(),
]
#: Flask adds these two to every route.
UNSAID = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentedService]:
    with DocumentedService(f"sqlite:///{tmp_path_factory.mktemp('order') / 'test.db'}") as made:
        yield made


def at_name(name: str, part: Any) -> Iterator[Any]:
    """All values under a key of this name, at any depth."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if key == name:
            yield value
        if isinstance(value, dict | list):
            yield from at_name(name, value)


def camel(rule: str) -> str:
    """`/orders/<order_id>` as the document writes it: `/orders/{orderId}`."""
    return re.sub(r"_(\w)", lambda m: m[1].upper(), rule.replace("<", "{").replace(">", "}"))


def test_the_document_is_served_and_is_openapi(service: DocumentedService) -> None:
    answer = service.app.test_client().get("/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_the_document_has_every_route_and_no_other(service: DocumentedService) -> None:
    routes = {
        (camel(rule.rule), method)
        for rule in service.app.url_map.iter_rules()
        for method in (rule.methods or set()) - UNSAID
    }
    documented = {
        (path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item
    }
    assert routes == documented


def test_every_reference_can_be_resolved() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    references = set(at_name("$ref", DOCUMENT))
    assert references == {f"#/components/schemas/{name}" for name in schemas}
    operations = {op["operationId"] for item in DOCUMENT["paths"].values() for op in item.values()}
    links = [link for links in at_name("links", DOCUMENT) for link in links.values()]
    assert {link["operationId"] for link in links} == {"getOrder", "getJourney"} & operations


def test_every_kind_of_refusal_is_documented() -> None:
    kinds = {f"/problems/{kind.kind}" for kind in KINDS}
    documented = {
        each
        for answer in at_name("application/problem+json", DOCUMENT)
        for each in answer["schema"]["properties"]["type"]["enum"]
    }
    assert documented == kinds | {"about:blank"}


def test_every_example_of_an_order_is_accepted(service: DocumentedService) -> None:
    body = DOCUMENT["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        answer = service.app.test_client().post("/orders", json=example["value"])
        assert answer.status_code == 202
        assert answer.get_json()["totalAmount"] == 99.98


def test_every_pattern_has_a_matching_example() -> None:
    """Otherwise the page generates an unreadable one from the pattern."""
    found = [part for part in _parts(DOCUMENT) if "pattern" in part]
    assert found
    for part in found:
        assert all(matches(part["pattern"], example) for example in part["examples"])


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _parts(inner)


def matches(pattern: str, text: str) -> bool:
    """Match as in JSON Schema, where no line end may follow `$`, unlike in Python."""
    return re.search(pattern.removesuffix("$") + r"\Z", text) is not None


ASCII = st.characters(codec="ascii") | st.sampled_from('"\\')
ID = DOCUMENT["components"]["schemas"]["Placed"]["properties"]["orderId"]["pattern"]
[KEY] = [
    parameter["schema"]["pattern"]
    for parameter in DOCUMENT["paths"]["/orders"]["post"]["parameters"]
    if parameter["name"] == "Idempotency-Key"
]


@given(st.text(max_size=70) | st.from_regex(ID) | st.from_regex(ID_PATTERN) | st.text(ASCII))
def test_the_document_defines_ids_as_the_code_does(text: str) -> None:
    assert matches(ID, text) == is_id(text)


def is_key(text: str) -> bool:
    try:
        return read_key(text) is not None
    except InvalidKey:
        return False


LONG = st.sampled_from([LONGEST_KEY, LONGEST_KEY + 1]).flatmap(
    lambda size: st.sampled_from(["x" * size, f'"{"x" * size}"', '"' + r"\"" * size + '"'])
)


@given(
    (st.text() | st.from_regex(KEY) | st.text(ASCII).map(lambda text: f'"{text}"') | LONG)
    # A header's value has no surrounding blanks.
    .map(lambda text: text.strip(" \t"))
)
def test_the_document_defines_keys_as_the_code_does(text: str) -> None:
    assert matches(KEY, text) == is_key(text)
