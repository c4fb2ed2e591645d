"""The front page of the workshop."""

import sys
from pathlib import Path

from tests.workshop.reader import FRONT_PAGE, Reader


def test_what_the_front_page_shows_is_what_is_seen(tmp_path: Path) -> None:
    """By somebody who installed it as the page says: no process comes from the zygote."""
    with Reader("embedded", tmp_path / "demo", python=sys.executable) as reader:
        reader.read_page(FRONT_PAGE)
