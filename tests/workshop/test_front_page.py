"""The front page of the workshop."""

import sys
from pathlib import Path

from tests.workshop.reader import FRONT_PAGE, Reader


def test_the_output_matches_the_front_page(tmp_path: Path) -> None:
    """Installed as described on the page: no process is forked from the zygote."""
    with Reader("embedded", tmp_path / "demo", python=sys.executable) as reader:
        reader.read_page(FRONT_PAGE)
