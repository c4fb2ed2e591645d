"""Compares a command's output with the output shown on the page.

`…` matches anything within a line, and a line with only `…` any number of lines. The number of
spaces may differ. A name such as ORDER_ID matches a word, the same one everywhere on the page.
Nothing else may differ, except for durations on a slow machine: `1.…` matches one second or up to
LATE_SECONDS more, and `… ms` up to somewhat more than a second.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

NAME = re.compile(r"(?:[A-Z]+_ID|HANDLE)\b")
ANYTHING = "…"
#: How much later than on the page an event may be, never earlier; the next attempt has its own
#: line.
LATE_SECONDS = 4
#: Patterns for the variable parts of a line; the first match counts.
GAP = re.compile(rf"\b(?P<seconds>\d+)\.{ANYTHING}|(?P<fast>{ANYTHING} ms\b)|{ANYTHING}")


def read(
    shown: Sequence[str], seen: str, names: Mapping[str, str], *, more: bool = False
) -> dict[str, str] | None:
    """The values of the names, or None when the output differs.

    With `more`, for a command that is still running, other lines may be before, between and after.
    """
    others = r"(?:.*\n)*?" if more else ""
    lines = map(_line_pattern, _tidy("\n".join(shown)))
    pattern = _with_groups(others + "".join(line + others for line in lines), names)
    found = re.fullmatch(pattern, "".join(f"{line}\n" for line in _tidy(seen)))
    return None if found is None else {**names, **found.groupdict()}


def insert(command: str, names: Mapping[str, str]) -> str:
    """The command with names replaced by their values. Raises KeyError for an unknown name."""
    return NAME.sub(lambda name: names[name[0]], command)


def _tidy(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def _line_pattern(line: str) -> str:
    if line == ANYTHING:
        return r"(?:.*\n)*?"
    return "".join(_parts(line)) + r"\n"


def _parts(line: str) -> Iterator[str]:
    end = 0
    for gap in GAP.finditer(line):
        yield re.escape(line[end : gap.start()])
        yield _gap_pattern(gap)
        end = gap.end()
    yield re.escape(line[end:])


def _gap_pattern(gap: re.Match[str]) -> str:
    if gap["seconds"]:
        first = int(gap["seconds"])
        return rf"(?:{'|'.join(map(str, range(first, first + LATE_SECONDS + 1)))})\.\d+"
    # Still shorter than a synchronous order, which takes 3.5 s.
    return r"(?:\d+ ms|1\.\d s)" if gap["fast"] else ".*"


def _with_groups(pattern: str, names: Mapping[str, str]) -> str:
    """A known name matches its value; a new one is a group, then a back-reference."""
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
