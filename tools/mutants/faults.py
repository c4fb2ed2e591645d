"""Reads the lists of faults: one TOML file per part of the system."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LISTS = Path(__file__).parent


class WrongList(Exception):
    """A fault cannot be planted as listed."""


@dataclass(frozen=True, slots=True)
class PlantedFault:
    """One edit. `old` is in `file` exactly once; `tests` are arguments for pytest, and at least
    one of the tests that they name fails when `new` is there instead.
    """

    name: str
    file: str
    old: str
    new: str
    tests: Sequence[str]

    def planted(self, text: str) -> str:
        """The text of the file with the fault in it. Raises WrongList."""
        if self.old == self.new or text.count(self.old) != 1:
            raise WrongList(f"{self.name}: `old` is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


def all_faults() -> list[PlantedFault]:
    """The faults of all lists. Raises WrongList if two have the same name."""
    faults = [PlantedFault(**each) for file in sorted(LISTS.glob("*.toml")) for each in _read(file)]
    names = [fault.name for fault in faults]
    if twice := {name for name in names if names.count(name) > 1}:
        raise WrongList(f"these names are there twice: {', '.join(sorted(twice))}")
    return faults


def _read(file: Path) -> list[dict[str, str]]:
    """A file of several `[[fault]]`. `tests` may stand once, at the top, for all of them."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    common = {key: value for key, value in content.items() if key != "fault"}
    return [common | fault for fault in content["fault"]]
