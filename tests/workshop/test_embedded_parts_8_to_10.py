"""Parts 8 to 10 on the embedded broker."""

from pathlib import Path

import pytest

from tests.workshop.pages import part_pages
from tests.workshop.reader import Reader


@pytest.mark.parametrize("page", part_pages(8, 10), ids=lambda page: page.stem)
def test_the_output_matches_the_page(embedded: Reader, page: Path, tmp_path: Path) -> None:
    embedded.solve(page, tmp_path)

    embedded.read_up_to(page)
