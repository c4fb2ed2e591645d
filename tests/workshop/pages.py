"""Parses the workshop's pages into commands and their expected output.

A fenced block `console` is a terminal. `$ ` begins a command, which continues on the next line
after a backslash; `^C` is Ctrl-C; all other lines are output. Further words after `console`:

- `embedded`, `rabbitmq`, `kafka`: only for readers with this setup, otherwise for all;
- `demo`, `docker`: only for shops started by `orderctl demo`, or by Compose;
- `first-terminal`, `third-terminal`: the terminal in which a command keeps running; otherwise the
second;
- `fails`: the command fails, and its error message is shown as well;
- `eventually`: the command is repeated until its output matches;
- `prepare`: installs software, or starts containers; not run here.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from orderctl.stack.process import ROOT

FOLDER = ROOT / "docs" / "workshop"
WAYS = ("embedded", "rabbitmq", "kafka")
SHOPS = ("demo", "docker")
TERMINALS = ("first-terminal", "third-terminal")
WORDS = {*WAYS, *SHOPS, *TERMINALS, "fails", "eventually", "prepare"}
CTRL_C = "^C"


@dataclass(frozen=True)
class Block:
    """A fenced block: `words` follow the language; `line` is its fence's, from 1."""

    page: Path
    line: int
    language: str
    words: frozenset[str]
    text: str

    @property
    def place(self) -> str:
        return f"{os.path.relpath(self.page, ROOT)}:{self.line}"

    def is_for(self, way: str, shop: str = "demo") -> bool:
        return all(
            not self.words & set(choices) or chosen in self.words
            for chosen, choices in ((way, WAYS), (shop, SHOPS))
        )

    @property
    def terminal(self) -> str:
        return next((name for name in TERMINALS if name in self.words), "second-terminal")


@dataclass
class Command:
    """A typed command, which may be `^C`, and the lines of its output."""

    typed: str
    seen: list[str] = field(default_factory=list)


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page. Raises ValueError for an unknown word."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "fence" and token.map:
            language, *words = token.info.split() or [""]
            block = Block(page, token.map[0] + 1, language, frozenset(words), token.content)
            if language == "console" and block.words - WORDS:
                raise ValueError(f"{block.place}: {sorted(block.words - WORDS)} means nothing")
            yield block


def consoles(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "console"]


def commands(block: Block) -> Sequence[Command]:
    """The commands of a block. Raises ValueError for output before the first command."""
    found: list[Command] = []
    is_open = False
    for line in block.text.splitlines():
        if is_open:
            found[-1].typed += f"\n{line}"
        elif line == CTRL_C or line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        elif found:
            found[-1].seen.append(line)
        else:
            raise ValueError(f"{block.place}: what is shown before a command?")
        is_open = found[-1].typed.endswith("\\")
    return found


def part_pages(first: int, last: int) -> list[Path]:
    """The pages of the parts from `first` to `last`."""
    return numbered(*range(first, last + 1))


def numbered(*numbers: int) -> list[Path]:
    return [page for page in sorted(FOLDER.glob("[0-9][0-9]-*.md")) if number(page) in numbers]


def in_every_run(first: int, pages: Sequence[Path]) -> list[Any]:
    """Pages as test parameters; `make test` runs only part `first`."""
    marks = {page: [] if number(page) == first else [pytest.mark.matrix] for page in pages}
    return [pytest.param(page, marks=marks[page]) for page in pages]


def number(page: Path) -> int:
    return int(page.name[:2])
