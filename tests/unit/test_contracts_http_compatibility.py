"""No change of an HTTP interface passes that would break its clients."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import SERVED, openapi
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
def test_what_breaks_a_client_is_refused(name: str) -> None:
    change, reason = INCOMPATIBLE[name]
    assert reason in "\n".join(breaches(openapi("order"), changed(change)))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_what_breaks_nobody_passes(name: str) -> None:
    assert list(breaches(openapi("order"), changed(COMPATIBLE[name]))) == []


def test_alternatives_are_looked_at_as_well() -> None:
    document = copy.deepcopy(openapi("email"))
    schema(document, "NewReplay")["oneOf"][0]["properties"].pop("dryRun")
    schema(document, "Activity")["properties"]["queue"]["oneOf"].pop()
    assert list(breaches(openapi("email"), document)) == [
        "GET /activity answers 200: queue: one of 2 alternatives is gone",
        "POST /replays takes: dryRun is gone, and clients send it",
    ]


@pytest.mark.parametrize("name", SERVED)
def test_a_document_may_follow_itself(name: str) -> None:
    assert list(breaches(openapi(name), openapi(name))) == []


def test_the_gate_compares_with_the_documents_that_are_there(tmp_path: Path) -> None:
    assert broken_promises() == []
    there = tmp_path / CONTRACTS / "openapi" / "order.json"
    there.parent.mkdir(parents=True)
    there.write_text(json.dumps(changed(lambda d: d["paths"].update({"/old": {"get": {}}}))))
    assert broken_promises(tmp_path) == ["order.json: GET /old is gone, and clients call it"]
