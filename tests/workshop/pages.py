"""The pages of the workshop, as what a terminal is told in them and what it answers.

A fenced block `console` is a terminal. `$ ` begins a command, which goes on in the next line
after a backslash; `^C` is Ctrl-C; all other lines are what is seen. Further words after `console`:

- `embedded`, `rabbitmq`, `kafka`: only for those who chose this way, else for all;
- `demo`, `docker`: only where the shop is that of `orderctl demo`, or that of Compose;
- `first-terminal`, `third-terminal`: there, where a command goes on running; else the second one;
- `fails`: the command ends with an error, and its sentence is shown as well;
- `eventually`: the command is repeated until it shows this;
- `prepare`: installing, and starting what is in Docker; not run here.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
    """A fenced block: `words` after the language; `line` is that of its fence, from 1."""

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
    """What is typed, `^C` included, and the lines that are seen then."""

    typed: str
    seen: list[str] = field(default_factory=list)


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page. Raises ValueError for a word that means nothing."""
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
    """Raises ValueError when something is seen before anything is typed."""
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
    """The pages of these parts and of all in between."""
    return numbered(*range(first, last + 1))


def numbered(*numbers: int) -> list[Path]:
    return [page for page in sorted(FOLDER.glob("[0-9][0-9]-*.md")) if number(page) in numbers]


def number(page: Path) -> int:
    return int(page.name[:2])
