"""The parts in which RabbitMQ shows something of its own, on RabbitMQ."""

from pathlib import Path

import pytest

from tests.workshop.pages import numbered
from tests.workshop.reader import Reader


@pytest.mark.parametrize("page", numbered(3, 4, 5, 8, 9, 12), ids=lambda page: page.stem)
def test_what_the_page_shows_is_what_is_seen(
    on_rabbitmq: Reader, page: Path, tmp_path: Path
) -> None:
    on_rabbitmq.solve(page, tmp_path)

    on_rabbitmq.read_up_to(page)
