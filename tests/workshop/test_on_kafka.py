"""The parts with Kafka-specific content, on Kafka."""

from pathlib import Path

import pytest

from tests.workshop.pages import numbered
from tests.workshop.reader import Reader


@pytest.mark.parametrize("page", numbered(3, 4, 5, 8, 9, 12), ids=lambda page: page.stem)
def test_the_output_matches_the_page(on_kafka: Reader, page: Path, tmp_path: Path) -> None:
    on_kafka.solve(page, tmp_path)

    on_kafka.read_up_to(page)
