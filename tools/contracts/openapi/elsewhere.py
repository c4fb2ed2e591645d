"""References between documents, so that shared parts are described only once."""

from collections.abc import Mapping
from typing import Any

from shared.openapi.document import references
from shared.openapi.shapes import Schema, ref

_SCHEMAS = "/components/schemas/"


def path_in(document: str, path: str) -> Schema:
    """A path that another document describes. Source: RFC 6901, JSON Pointer."""
    return {"$ref": f"{document}#/paths/{path.replace('~', '~0').replace('/', '~1')}"}


def others(document: Schema) -> set[str]:
    """The names of the documents that this one refers to."""
    files = {reference.partition("#")[0] for reference in references(document)}
    return {file.removesuffix(".json") for file in files if file}


def bundled(name: str, documents: Mapping[str, Schema]) -> Schema:
    """A self-contained copy of a document, with the parts of others that it refers to.

    Raises ValueError when two different schemas would have the same name.
    """
    bundle = _Bundle(documents)
    document: Schema = bundle.local(documents[name], name)
    return document | {"components": document["components"] | {"schemas": bundle.schemas}}


class _Bundle:
    def __init__(self, documents: Mapping[str, Schema]) -> None:
        self._documents = documents
        self._found: dict[str, Schema] = {}
        self.schemas: dict[str, Schema] = {}

    def local(self, part: Any, home: str) -> Any:
        """A part of the document `home`, with references resolved within the bundle."""
        if isinstance(part, list):
            return [self.local(each, home) for each in part]
        if not isinstance(part, dict):
            return part
        if not isinstance(part.get("$ref"), str):
            return {key: self.local(value, home) for key, value in part.items()}
        file, _, pointer = part["$ref"].partition("#")
        there = file.removesuffix(".json") or home
        if not pointer.startswith(_SCHEMAS):
            return self.local(_at(self._documents[there], pointer), there)
        name = pointer.removeprefix(_SCHEMAS)
        self._take(name, there)
        more = {key: value for key, value in part.items() if key != "$ref"}
        return ref(name) | self.local(more, home)

    def _take(self, name: str, home: str) -> None:
        schema, home = self._find(name, home)
        if name not in self._found:
            self._found[name] = schema
            self.schemas[name] = self.local(schema, home)
        elif self._found[name] != schema:
            raise ValueError(f"{home} and another document have different schemas {name}")

    def _find(self, name: str, home: str) -> tuple[Schema, str]:
        """The schema and the document that contains it; references are followed."""
        schema: Schema = self._documents[home]["components"]["schemas"][name]
        file, _, pointer = schema.get("$ref", "").partition("#")
        if not file:
            return schema, home
        return self._find(pointer.removeprefix(_SCHEMAS), file.removesuffix(".json"))


def _at(document: Schema, pointer: str) -> Any:
    found: Any = document
    for step in pointer.split("/")[1:]:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found
