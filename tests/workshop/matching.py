"""Whether what is seen is what the page shows.

`…` stands for anything within a line, a line of `…` alone for any number of lines. Spaces are
as many as the columns need. A name such as ORDER_ID stands for a word that is the same wherever
the name stands on the page. Nothing else may differ, except that a slow machine takes longer:
`1.…` is one second or up to LATE_SECONDS more, and `… ms` may be a second and some.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

NAME = re.compile(r"(?:[A-Z]+_ID|HANDLE)\b")
ANYTHING = "…"
#: So much later than on the page, and nothing earlier; the next attempt has its own line.
LATE_SECONDS = 4
#: What may differ within a line, the first that fits.
GAP = re.compile(rf"\b(?P<seconds>\d+)\.{ANYTHING}|(?P<fast>{ANYTHING} ms\b)|{ANYTHING}")


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
    # Still told from an order that waits for every service, which takes 3.5 s.
    return r"(?:\d+ ms|1\.\d s)" if gap["fast"] else ".*"


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
