"""Runs the commands of a page and compares their output."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from orderctl.stack.ports import DEFAULT_PORTS, free_ports
from orderctl.stack.process import ROOT
from tests.workshop.matching import insert, read
from tests.workshop.pages import CTRL_C, FOLDER, TERMINALS, Block, Command, commands, consoles
from tests.workshop.solutions import write_solved
from tests.workshop.terminal import LIMIT, Terminal
from tests.zygote.client import python

POLL_SECONDS = 0.2
FRONT_PAGE = FOLDER / "README.md"
#: The demo's settings with an address, by the part that listens there.
SETTINGS = {"order-relay": "RELAY_URL", "mail_sink": "MAIL_URL"}
#: Ports of processes that the reader starts.
OWN_PORTS = ("8006", "8103")
SHOP = "orderctl demo"


@dataclass
class Reader:
    """`way`: the chosen setup. `folder`: for the demo. `broker_url` returns the URL of an empty
    broker for each demo; None for the embedded one.
    """

    way: str
    folder: Path
    broker_url: Callable[[], str] | None = None
    names: dict[str, str] = field(default_factory=dict)
    #: Replacements for exercise files: solved ones.
    solved: Mapping[str, Path] = field(default_factory=dict)
    #: The `python` command: a real one, or the zygote's.
    python: str = field(default_factory=python)

    #: How the shop was started: `demo` for `orderctl demo`, `docker` for Compose.
    shop: ClassVar[str] = "demo"

    def __post_init__(self) -> None:
        environment = self.environment()
        self._ports = free_ports(OWN_PORTS)
        terminals = ("second-terminal", *TERMINALS)
        screens = self.folder.parent
        self._terminals = {
            n: Terminal(environment, screens / n, Path(self.python)) for n in terminals
        }

    def environment(self) -> dict[str, str]:
        """The environment variables of all terminals."""
        return {
            "DEMO_FOLDER": str(self.folder),
            "COLUMNS": "160",
            # So that modules can be imported from any folder.
            "PYTHONPATH": str(ROOT),
        }

    def read_page(self, page: Path) -> None:
        """Run the whole page. Raises AssertionError with the place of the first difference."""
        self.names = {}
        for block in consoles(page):
            if self._does(block):
                self.do(block)

    def read_up_to(self, page: Path) -> None:
        """Run the set-up commands of the front page, and then this page."""
        for block in consoles(FRONT_PAGE):
            is_told = block.text.startswith("$ source ") or self.shop in block.words
            if is_told and self._does(block):
                self.do(block)
        self.read_page(page)

    def _does(self, block: Block) -> bool:
        return block.is_for(self.way, self.shop) and "prepare" not in block.words

    def solve(self, page: Path, folder: Path) -> None:
        """From now on, run this page's exercise with its solution."""
        file = write_solved(page, folder)
        self.solved = {f"docs.workshop.exercises.{file.stem}": file}

    def do(self, block: Block) -> None:
        for command in commands(block):
            if block.terminal != "second-terminal":
                self._do_and_go_on(block, command)
            elif "eventually" in block.words:
                self._do_until(block, command)
            else:
                self._check(block, command, *self._run(block, command))

    def _run(self, block: Block, command: Command) -> tuple[int, str]:
        typed = self._typed(command)
        return self._terminals[block.terminal].run(typed, with_errors="fails" in block.words)

    def _do_until(self, block: Block, command: Command) -> None:
        deadline = time.monotonic() + LIMIT
        status, seen = self._run(block, command)
        while status or read(command.seen, seen, self.names) is None:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
            status, seen = self._run(block, command)
        self._check(block, command, status, seen)

    def _check(self, block: Block, command: Command, status: int, seen: str) -> None:
        self._compare(block, command, seen)
        expected = "an error" if "fails" in block.words else "status 0"
        has_failed = status != 0
        assert has_failed == ("fails" in block.words), (
            f"{block.place}: {command.typed} ended with status {status}, not with {expected}"
        )

    def _do_and_go_on(self, block: Block, command: Command) -> None:
        terminal = self._terminals[block.terminal]
        if command.typed == CTRL_C:
            was_on = terminal.goes_on
            seen = terminal.press_ctrl_c()
            if was_on:
                self._compare(block, command, seen)
            return
        if command.typed.startswith(SHOP):
            # One demo at a time: an earlier page may have left one running.
            terminal.press_ctrl_c()
        terminal.begin(self._typed(command))
        deadline = time.monotonic() + LIMIT
        while read(command.seen, terminal.seen(), self.names, more=True) is None:
            if time.monotonic() > deadline or not terminal.goes_on:
                break
            time.sleep(POLL_SECONDS)
        self._compare(block, command, terminal.seen(), more=True)

    def _compare(self, block: Block, command: Command, seen: str, *, more: bool = False) -> None:
        names = read(command.seen, seen, self.names, more=more)
        assert names is not None, _difference(block, command, seen, self.names)
        self.names = names

    def _typed(self, command: Command) -> str:
        """The command with this demo's folder, addresses and broker."""
        typed = insert(command.typed, self.names)
        for shown, real in self._addresses().items():
            typed = typed.replace(shown, real)
        typed = typed.replace(".demo/", f"{self.folder}/")
        for port, free in self._ports.items():
            typed = re.sub(rf"\b{port}\b", str(free), typed)
        for module, file in self.solved.items():
            typed = typed.replace(f"-m {module}", str(file))
        if typed.startswith(SHOP):
            # Two readers that start at the same time would both find the documented ports free.
            typed += " --free-ports"
            typed += f" --broker '{self.broker_url()}'" if self.broker_url else ""
        return typed

    def _addresses(self) -> Mapping[str, str]:
        file = self.folder / "env"
        if not file.exists():
            return {}
        values = dict(line.split("=", 1) for line in file.read_text().splitlines())
        return {
            f"http://127.0.0.1:{port}": values.get(_setting(part), "")
            for part, port in DEFAULT_PORTS.items()
            if _setting(part) in values
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        with ExitStack() as ends:
            for terminal in self._terminals.values():
                ends.callback(terminal.press_ctrl_c)


def _setting(part: str) -> str:
    return SETTINGS.get(part, f"{part.upper()}_URL")


def _difference(block: Block, command: Command, seen: str, names: Mapping[str, str]) -> str:
    shown = "\n".join(command.seen)
    known = "".join(f"\n  {name} is {value}" for name, value in names.items())
    return (
        f"{block.place}: `{command.typed}` shows\n\n{seen.strip()}\n\nand not, as the page "
        f"says,\n\n{shown}\n{known}"
    )
