"""A change of an HTTP interface that would break its clients is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import CONSUMERS, SERVED, committed, openapi
from tools.contracts.files import CONTRACTS, broken_promises
from tools.contracts.http_compatibility import breaches

Schema = dict[str, Any]
Change = Callable[[Schema], object]


def schema(document: Schema, name: str) -> Schema:
    found: Schema = document["components"]["schemas"][name]
    return found


def placing(document: Schema) -> Schema:
    found: Schema = document["paths"]["/orders"]["post"]
    return found


INCOMPATIBLE: dict[str, tuple[Change, str]] = {
    "a path goes": (lambda d: d["paths"].pop("/orders/{orderId}"), "GET /orders/{orderId} is gone"),
    "a method goes": (lambda d: d["paths"]["/orders"].pop("post"), "POST /orders is gone"),
    "an answer goes": (
        lambda d: placing(d)["responses"].pop("202"),
        "POST /orders does not answer 202 any more",
    ),
    "a field of an answer goes": (
        lambda d: schema(d, "Order")["properties"].pop("userId"),
        "GET /orders/{orderId} answers 200: userId is gone, and clients read it",
    ),
    "a field of a list goes": (
        lambda d: schema(d, "Order")["properties"].pop("placedAt"),
        "each of GET /orders answers 200: orders: placedAt is gone, and clients read it",
    ),
    "a field of an answer may be missing": (
        lambda d: schema(d, "Order")["required"].remove("userId"),
        "userId may be missing, and clients need it",
    ),
    "a type changes": (
        lambda d: schema(d, "Placed")["properties"]["totalAmount"].update(type="string"),
        "POST /orders answers 202: totalAmount: was number, and is string",
    ),
    "a field is no longer taken": (
        lambda d: schema(d, "NewOrder")["properties"].pop("totalAmount"),
        "POST /orders takes: totalAmount is gone, and clients send it",
    ),
    "a field is asked for": (
        lambda d: schema(d, "NewOrder")["required"].append("totalAmount"),
        "POST /orders takes: totalAmount is required, and clients do not send it",
    ),
    "a parameter goes": (
        lambda d: d["paths"]["/orders"]["get"].update(parameters=[]),
        "GET /orders: the parameter cursor is gone, and clients send it",
    ),
    "a parameter is asked for": (
        lambda d: placing(d)["parameters"].append({"name": "shop", "required": True}),
        "POST /orders: the parameter shop is required, and clients do not send it",
    ),
}
COMPATIBLE: dict[str, Change] = {
    "a path comes": lambda d: d["paths"].update({"/new": d["paths"]["/orders"]}),
    "an answer comes": lambda d: placing(d)["responses"].update({"299": {}}),
    "a field is answered": lambda d: schema(d, "Order")["properties"].update(
        note={"type": "string"}
    ),
    "a field may be sent": lambda d: schema(d, "NewOrder")["properties"].update(note={}),
    "a parameter may be sent": lambda d: placing(d)["parameters"].append({"name": "shop"}),
    "a refusal goes": lambda d: placing(d)["responses"].pop("413"),
    "words change": lambda d: d["info"].update(description="Another."),
}


def changed(change: Change) -> Schema:
    document = copy.deepcopy(openapi("order"))
    change(document)
    return document


@pytest.mark.parametrize("name", INCOMPATIBLE)
def test_a_change_that_breaks_clients_is_refused(name: str) -> None:
    change, reason = INCOMPATIBLE[name]
    assert reason in "\n".join(breaches(openapi("order"), changed(change)))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_change_is_allowed(name: str) -> None:
    assert list(breaches(openapi("order"), changed(COMPATIBLE[name]))) == []


def test_alternatives_are_compared() -> None:
    document = copy.deepcopy(openapi("email"))
    schema(document, "NewReplay")["oneOf"][0]["properties"].pop("dryRun")
    schema(document, "Activity")["properties"]["queue"]["anyOf"].pop()
    assert list(breaches(openapi("email"), document)) == [
        "GET /activity answers 200: queue: was null or object, and is object",
        "POST /replays takes: dryRun is gone, and clients send it",
    ]
    schema(document, "NewReplay")["oneOf"].pop()
    assert "POST /replays takes: one of 2 alternatives is gone" in list(
        breaches(openapi("email"), document)
    )


def test_named_components_are_compared() -> None:
    document = changed(lambda d: schema(d, "Stop")["properties"].pop("reason"))
    assert list(breaches(openapi("order"), document)) == [
        "each of GET /orders/{orderId}/journey answers 200: services: "
        "reason is gone, and clients read it"
    ]


TEXT, NULL, QUEUE = {"type": "string"}, {"type": "null"}, {"type": "object", "properties": {}}
#: Pairs of equivalent schemas. The left ones are from before documents were generated from structs.
IN_OTHER_WORDS: dict[str, tuple[Schema, Schema]] = {
    "null beside a type": ({"type": ["string", "null"]}, {"anyOf": [TEXT, NULL]}),
    "values": ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    "values and null": ({"enum": ["a", None]}, {"anyOf": [{"enum": ["a"]}, NULL]}),
    "one value": ({"const": True}, {"type": "boolean", "const": True}),
    "a name": (QUEUE, {"$ref": "#/components/schemas/Queue"}),
    "a name beside null": (
        {"oneOf": [QUEUE, NULL]},
        {"anyOf": [{"$ref": "#/components/schemas/Queue"}, NULL]},
    ),
}


def answering(answered: Schema) -> Schema:
    """A document with one path and this response."""
    content = {"application/json": {"schema": answered}}
    return {
        "paths": {"/it": {"get": {"responses": {"200": {"content": content}}}}},
        "components": {"schemas": {"Queue": QUEUE}},
    }


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_equivalent_schemas_are_allowed(name: str) -> None:
    one, other = IN_OTHER_WORDS[name]
    assert list(breaches(answering(one), answering(other))) == []
    assert list(breaches(answering(other), answering(one))) == []


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_different_schemas_are_refused(name: str) -> None:
    one, other = IN_OTHER_WORDS[name]
    for each in (one, other):
        [reason] = breaches(answering(each), answering({"type": "number"}))
        assert reason.endswith(", and is number")


@pytest.mark.parametrize("name", SERVED)
def test_an_unchanged_document_is_compatible(name: str) -> None:
    assert list(breaches(openapi(name), openapi(name))) == []


def write(root: Path, **documents: Schema) -> None:
    folder = root / CONTRACTS / "openapi"
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def test_the_check_compares_with_the_committed_documents(tmp_path: Path) -> None:
    assert broken_promises() == []
    write(tmp_path, order=changed(lambda d: d["paths"].update({"/old": {"get": {}}})))
    assert broken_promises(tmp_path) == ["order.json: GET /old is gone, and clients call it"]


def test_a_self_contained_document_may_become_one_with_references(tmp_path: Path) -> None:
    """As happened when all consumers got a shared document."""
    old = openapi("email")
    write(tmp_path, email=old)
    assert broken_promises(tmp_path) == []
    schema(old, "Activity")["properties"]["mood"] = TEXT
    write(tmp_path, email=old)
    assert broken_promises(tmp_path) == [
        "email.json: GET /activity answers 200: mood is gone, and clients read it"
    ]


def test_the_shared_document_is_a_promise_of_each_consumer(tmp_path: Path) -> None:
    there = copy.deepcopy(committed())
    there["consumer"]["paths"]["/activity"]["post"] = {"responses": {}}
    write(tmp_path, **there)
    assert sorted(broken_promises(tmp_path)) == [
        f"{name}.json: POST /activity is gone, and clients call it"
        for name in sorted(["consumer", *CONSUMERS])
    ]


def test_a_schema_from_another_document_is_a_promise_too(tmp_path: Path) -> None:
    there = copy.deepcopy(committed())
    schema(there["order"], "Stop")["properties"]["mood"] = TEXT
    write(tmp_path, **there)
    assert [line.partition(":")[0] for line in broken_promises(tmp_path)] == [
        "order.json",
        "dashboard.json",
    ]


def test_no_document_is_deleted_without_those_that_refer_to_it(tmp_path: Path) -> None:
    """Otherwise deleting one document would hide a breaking change in another."""
    write(tmp_path, shipping=committed()["shipping"])
    assert broken_promises(tmp_path) == [
        "shipping.json: it refers to consumer, which was deleted: delete it as well"
    ]
