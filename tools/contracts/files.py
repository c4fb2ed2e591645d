"""All generated files and their content."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.http.app import to_json
from tools.contracts.asyncapi import documents as asyncapi
from tools.contracts.event_schema import event_schema
from tools.contracts.http_compatibility import breaches
from tools.contracts.openapi import documents as openapi
from tools.contracts.openapi.elsewhere import bundled, others
from tools.contracts.published import EVENTS

Documents = Mapping[str, dict[str, Any]]

CONTRACTS = Path("docs/contracts")


def generated() -> dict[Path, bytes]:
    files = {EVENTS / "order.placed.schema.json": _file(event_schema())}
    for name, document in openapi().items():
        files[CONTRACTS / "openapi" / f"{name}.json"] = _file(document)
    for name, document in asyncapi().items():
        files[CONTRACTS / "asyncapi" / f"{name}.json"] = _file(document)
    return files


def stale(root: Path = Path()) -> list[Path]:
    """Files that differ from the code's output, and files that the code does not generate."""
    files = generated()
    folder = root / CONTRACTS
    there = {path.relative_to(root) for path in folder.glob("*api/*")}
    differ = {path for path, content in files.items() if not _holds(root / path, content)}
    return sorted(differ | (there - files.keys()))


def broken_promises(root: Path = Path()) -> list[str]:
    """The reasons why the new OpenAPI documents would break clients of the committed ones."""
    folder, new = root / CONTRACTS / "openapi", openapi()
    old = {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    return [
        f"{name}.json: {reason}"
        for name in new
        if name in old
        for reason in _broken(name, old, new)
    ]


def _broken(name: str, old: Documents, new: Documents) -> Iterator[str]:
    """Each document bundled with the documents that it refers to."""
    gone = others(old[name]) - old.keys()
    if gone:
        yield f"it refers to {', '.join(sorted(gone))}, which was deleted: delete it as well"
    else:
        yield from breaches(bundled(name, old), bundled(name, new))


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _file(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(to_json(document), indent=2) + b"\n"
