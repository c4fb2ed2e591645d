"""The parts with RabbitMQ-specific content, on RabbitMQ."""

from pathlib import Path

import pytest

from tests.workshop.pages import in_every_run, numbered
from tests.workshop.reader import Reader

PAGES = in_every_run(3, numbered(3, 4, 5, 8, 9, 12))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_output_matches_the_page(on_rabbitmq: Reader, page: Path, tmp_path: Path) -> None:
    on_rabbitmq.solve(page, tmp_path)

    on_rabbitmq.read_up_to(page)
