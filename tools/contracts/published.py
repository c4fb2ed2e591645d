"""What was published once and holds for ever: versions of the event's rules, and its examples.

Each has its digest in a file for `sha256sum --check`. Lines are added to that file, and none is
ever changed.
"""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from shared.http.app import to_json
from tools.contracts.compatibility import breaches, rules

EVENTS = Path("docs/contracts/events")
SUMS = "SHA256SUMS"


def versions(folder: Path = EVENTS) -> list[dict[str, Any]]:
    """The schema of every published version, oldest first."""
    files = sorted(folder.glob("versions/*.json"), key=lambda file: int(file.stem))
    return [_exact(file.read_bytes()) for file in files]


def refusals(schema: dict[str, Any], folder: Path = EVENTS) -> list[str]:
    """The reasons why this schema cannot be the next version; empty if it can."""
    now = as_read(rules(schema))
    return [
        f"version {number}: {breach}"
        for number, before in enumerate(versions(folder), start=1)
        for breach in breaches(before, now)
    ]


def as_read(document: Any) -> Any:
    """The schema as it would be read from a file."""
    return _exact(to_json(document))


def _exact(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal)


def sums(folder: Path = EVENTS) -> dict[str, str]:
    """The digest of each published file, from the committed list."""
    lines = (folder / SUMS).read_text().splitlines() if (folder / SUMS).exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def altered(folder: Path = EVENTS) -> Iterator[str]:
    """Published files that are missing or have changed."""
    there = _digests(folder)
    for name, digest in sums(folder).items():
        if there.get(name) != digest:
            yield name


def unlisted(folder: Path = EVENTS) -> list[str]:
    return sorted(_digests(folder).keys() - sums(folder).keys())


def publish(schema: dict[str, Any], folder: Path = EVENTS) -> None:
    """Store the schema as a new version if it has changed, and list all new files."""
    known, now = versions(folder), as_read(rules(schema))
    if not known or known[-1] != now:
        path = folder / "versions" / f"{len(known) + 1}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.format(to_json(now), indent=2) + b"\n")
    listed = sums(folder) | {name: _digests(folder)[name] for name in unlisted(folder)}
    lines = [f"{digest}  {name}\n" for name, digest in listed.items()]
    (folder / SUMS).write_text("".join(lines))


def _digests(folder: Path) -> dict[str, str]:
    files = sorted([*folder.glob("versions/*.json"), *folder.glob("golden/*/*.json")])
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
