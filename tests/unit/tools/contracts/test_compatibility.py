"""A change of the event's schema that would break an old or new consumer is refused."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import EVENTS
from tools.contracts.event_schema import event_schema
from tools.contracts.published import altered, publish, refusals, sums, unlisted

Schema = dict[str, Any]
Change = Callable[[Schema], object]


def item(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["Item"]
    return found


def add(name: str) -> Change:
    return lambda schema: schema["properties"].update({name: {"type": "string"}})


INCOMPATIBLE: dict[str, tuple[Change, str]] = {
    "a field goes": (lambda s: s["properties"].pop("userId"), "userId is gone"),
    "a field of an item goes": (lambda s: item(s)["properties"].pop("price"), "price is gone"),
    "a field may be missing": (lambda s: s["required"].remove("userId"), "userId may be missing"),
    "a new field is required": (
        lambda s: (add("currency")(s), s["required"].append("currency")),
        "currency is required",
    ),
    "a field is renamed": (
        lambda s: s["properties"].update(customerId=s["properties"].pop("userId")),
        "userId is gone",
    ),
    "a type changes": (
        lambda s: item(s)["properties"]["price"].update(type="string"),
        "price: type was number",
    ),
    "a limit is narrower": (
        lambda s: item(s)["properties"]["quantity"].update(maximum=9),
        "quantity: maximum was 10000",
    ),
    "a limit is wider": (
        lambda s: item(s)["properties"]["quantity"].update(maximum=10**9),
        "quantity: maximum was 10000",
    ),
    "a value is added": (
        lambda s: s["properties"]["eventType"].update(enum=["order.placed", "order.made"]),
        "eventType: enum was",
    ),
    "unknown fields are refused": (
        lambda s: s.update(additionalProperties=False),
        "additionalProperties was None",
    ),
}

COMPATIBLE: dict[str, Change] = {
    "nothing": lambda _schema: None,
    "a field that may be missing": add("currency"),
    "such a field in an item": lambda s: item(s)["properties"].update(colour={"type": "string"}),
    "other words": lambda s: s.update(title="Placed", description="An order."),
    "what was referred to stands in place": lambda s: s["properties"]["items"].update(
        items=copy.deepcopy(item(s))
    ),
}


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A copy of the committed schemas, to be changed."""
    return Path(shutil.copytree(EVENTS, tmp_path / "events"))


def changed(change: Change) -> Schema:
    schema = event_schema()
    change(schema)
    return schema


def test_todays_schema_is_compatible_with_all_published_versions() -> None:
    assert refusals(event_schema()) == []


@pytest.mark.parametrize(("change", "reason"), INCOMPATIBLE.values(), ids=INCOMPATIBLE)
def test_a_breaking_change_is_refused(change: Change, reason: str) -> None:
    found = refusals(changed(change))
    assert any(reason in each for each in found), found


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE)
def test_an_addition_is_allowed(change: Change, events: Path) -> None:
    assert refusals(changed(change), events) == []


def test_an_addition_becomes_a_version_that_must_stay(events: Path) -> None:
    publish(changed(add("currency")), events)
    assert sorted(file.name for file in events.glob("versions/*")) == ["1.json", "2.json"]
    assert refusals(changed(add("currency")), events) == []
    assert refusals(event_schema(), events) == [
        "version 2: the event: currency is gone, and consumers read it"
    ]


def test_an_equal_schema_is_not_a_new_version(events: Path) -> None:
    before = sums(events)
    publish(event_schema(), events)
    assert sums(events) == before


def test_published_versions_are_unchanged() -> None:
    assert list(altered()) == []
    assert unlisted() == []


def test_a_changed_example_is_detected(events: Path) -> None:
    example = events / "golden" / "valid" / "an-order.json"
    example.write_text(json.dumps(json.loads(example.read_bytes())))
    assert list(altered(events)) == ["golden/valid/an-order.json"]


def test_a_missing_version_is_detected(events: Path) -> None:
    (events / "versions" / "1.json").unlink()
    assert list(altered(events)) == ["versions/1.json"]


def test_publishing_changes_no_existing_line(events: Path) -> None:
    example = events / "golden" / "valid" / "an-order.json"
    example.write_text("{}")
    publish(event_schema(), events)
    assert list(altered(events)) == ["golden/valid/an-order.json"]
