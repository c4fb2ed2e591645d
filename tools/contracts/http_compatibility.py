"""What may change in an OpenAPI document: clients of today go on as they are.

A path, a method, an answer, a field that is answered: none may go or be of another type. What a
client may send, it may still send, and nothing more is asked of it. Anything may be added.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.contracts.openapi.plain import plain

Schema = dict[str, Any]


def breaches(old: Schema, new: Schema) -> Iterator[str]:
    """The reasons why the new document would break clients; empty if it would not."""
    for path, item in old["paths"].items():
        for method, before in item.items():
            after = new["paths"].get(path, {}).get(method)
            at = f"{method.upper()} {path}"
            if after is None:
                yield f"{at} is gone, and clients call it"
            else:
                yield from _parameters(before, after, at)
                pair = _Pair(old, new)
                yield from pair.compare(_body(before), _body(after), f"{at} takes", sent=True)
                yield from _answers(pair, before, after, at)


def _parameters(before: Schema, after: Schema, at: str) -> Iterator[str]:
    old = {each["name"]: each for each in before.get("parameters", [])}
    new = {each["name"]: each for each in after.get("parameters", [])}
    for name in sorted(old.keys() - new.keys()):
        yield f"{at}: the parameter {name} is gone, and clients send it"
    for name, parameter in sorted(new.items()):
        if parameter.get("required") and not old.get(name, {}).get("required"):
            yield f"{at}: the parameter {name} is required, and clients do not send it"


def _answers(pair: "_Pair", before: Schema, after: Schema, at: str) -> Iterator[str]:
    """The successful responses. Refusals are self-describing, so they are not compared."""
    for status, answer in before["responses"].items():
        if not status.startswith("2"):
            continue
        if status not in after["responses"]:
            yield f"{at} does not answer {status} any more"
            continue
        later = after["responses"][status]
        answers = f"{at} answers {status}"
        yield from pair.compare(_json(answer), _json(later), answers, sent=False)


@dataclass(frozen=True)
class _Pair:
    """The old and the new document, for resolving references."""

    old: Schema
    new: Schema

    def compare(self, old: Schema, new: Schema, at: str, *, sent: bool) -> Iterator[str]:
        """`sent`: whether clients send this schema; otherwise they read it."""
        old, new = plain(self.old, old), plain(self.new, new)
        if old["type"] != new["type"]:
            yield f"{at}: was {_types(old)}, and is {_types(new)}"
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(before.keys() - after.keys()):
            yield f"{at}: {name} is gone, and clients {'send' if sent else 'read'} it"
        yield from (_asked_for if sent else _left_out)(old, new, at)
        for name in sorted(before.keys() & after.keys()):
            yield from self.compare(before[name], after[name], f"{at}: {name}", sent=sent)
        for key in ("items", "additionalProperties"):
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                yield from self.compare(old[key], new[key], f"each of {at}", sent=sent)
        one, other = old["oneOf"], new["oneOf"]
        if len(other) < len(one):
            yield f"{at}: one of {len(one)} alternatives is gone"
        for each, later in zip(one, other, strict=False):
            yield from self.compare(each, later, at, sent=sent)


def _types(schema: Schema) -> str:
    return " or ".join(schema["type"]) or "anything"


def _asked_for(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{at}: {name} is required, and clients do not send it"


def _left_out(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
        if name in new.get("properties", {}):
            yield f"{at}: {name} may be missing, and clients need it"


def _body(operation: Schema) -> Schema:
    return _json(operation.get("requestBody", {}))


def _json(part: Schema) -> Schema:
    schema: Schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    return schema
