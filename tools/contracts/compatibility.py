"""Checks changes of an event schema: only optional fields may be added.

Events are stored, and services are not all updated at once. New consumers read old events and old
consumers read new events, so no field may be removed, become required, or allow other values. A
field that must change gets a new name.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

#: Keywords for people, without effect on validation.
_WORDS = {"$schema", "$defs", "$comment", "title", "description", "examples"}


def rules(schema: Schema) -> Schema:
    """The schema without descriptions, and with all references resolved."""
    return _rules(schema, schema.get("$defs", {}))


def _rules(part: Schema, shared: Schema) -> Schema:
    if "$ref" in part:
        return _rules(shared[part["$ref"].removeprefix("#/$defs/")], shared)
    kept = {key: value for key, value in part.items() if key not in _WORDS}
    if "properties" in kept:
        fields = kept["properties"].items()
        kept["properties"] = {name: _rules(value, shared) for name, value in fields}
    if "items" in kept:
        kept["items"] = _rules(kept["items"], shared)
    return kept


def breaches(old: Schema, new: Schema, at: str = "the event") -> Iterator[str]:
    """The reasons why the new schema is incompatible with the old one; empty if it is not."""
    for key in sorted((old.keys() | new.keys()) - {"properties", "required", "items"}):
        if old.get(key) != new.get(key):
            yield f"{at}: {key} was {old.get(key)}, and is {new.get(key)}"
    yield from _fields(old, new, at)
    if "items" in old or "items" in new:
        yield from breaches(old.get("items", {}), new.get("items", {}), f"each of {at}")


def _fields(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield f"{at}: {name} is gone, and consumers read it"
    for name in sorted(before.keys() & after.keys()):
        yield from breaches(before[name], after[name], name)
    had_to, have_to = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(have_to - had_to):
        yield f"{at}: {name} is required, and events that are kept lack it"
    for name in sorted(had_to - have_to):
        yield f"{at}: {name} may be missing, and consumers need it"
