"""Parts 11 to 12 on the embedded broker, as they stand."""

from pathlib import Path

import pytest

from tests.workshop.pages import part_pages
from tests.workshop.reader import Reader


@pytest.mark.parametrize("page", part_pages(11, 12), ids=lambda page: page.stem)
def test_what_the_page_shows_is_what_is_seen(embedded: Reader, page: Path, tmp_path: Path) -> None:
    embedded.solve(page, tmp_path)

    embedded.read_up_to(page)
