"""Whether what is seen is what the page shows.

`…` stands for anything within a line, a line of `…` alone for any number of lines. Spaces are
as many as the columns need. A name such as ORDER_ID stands for a word that is the same wherever
the name stands on the page. Nothing else may differ.
"""

import re
from collections.abc import Mapping, Sequence

NAME = re.compile(r"(?:[A-Z]+_ID|HANDLE)\b")
ANYTHING = "…"


def read(
    shown: Sequence[str], seen: str, names: Mapping[str, str], *, more: bool = False
) -> dict[str, str] | None:
    """The names with what they stand for; None when it is something else that is seen.

    With `more`, the command goes on, and other lines may stand before, between and after these.
    """
    others = r"(?:.*\n)*?" if more else ""
    lines = map(_line_pattern, _tidy("\n".join(shown)))
    pattern = _with_groups(others + "".join(line + others for line in lines), names)
    found = re.fullmatch(pattern, "".join(f"{line}\n" for line in _tidy(seen)))
    return None if found is None else {**names, **found.groupdict()}


def insert(command: str, names: Mapping[str, str]) -> str:
    """The command with names replaced by what they stand for. Raises KeyError for a new one."""
    return NAME.sub(lambda name: names[name[0]], command)


def _tidy(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def _line_pattern(line: str) -> str:
    if line == ANYTHING:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split(ANYTHING)) + r"\n"


def _with_groups(pattern: str, names: Mapping[str, str]) -> str:
    """A known name is what it stands for, a new one a group, the same again what that found."""
    new: set[str] = set()

    def group(found: re.Match[str]) -> str:
        name = found[0]
        if name in names:
            return re.escape(names[name])
        if name in new:
            return f"(?P={name})"
        new.add(name)
        return rf"(?P<{name}>[^\s,]+)"

    return NAME.sub(group, pattern)
