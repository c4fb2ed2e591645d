"""A workshop reader whose shop runs in containers."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.compose.containers import Containers
from tests.workshop.pages import Block
from tests.workshop.reader import SHOP, Reader


class DockerReader(Reader):
    """`containers`: the shop; `folder`: for output files."""

    shop = "docker"

    def __init__(self, containers: Containers, folder: Path) -> None:
        self._containers = containers
        super().__init__(containers.broker, folder, python=sys.executable)

    def environment(self) -> dict[str, str]:
        # Docker may be anywhere in PATH.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**super().environment(), **self._containers.environment(), "PATH": path}

    def do(self, block: Block) -> None:
        """Replace starting a demo by starting an empty shop, and skip stopping it."""
        if block.terminal != "first-terminal":
            super().do(block)
        elif block.text.startswith(f"$ {SHOP}"):
            self._containers.down("--volumes")
            self._containers.up()

    def _addresses(self) -> Mapping[str, str]:
        return {"http://127.0.0.1:8000": f"http://127.0.0.1:{self._containers.ports['ORDER_PORT']}"}
