"""Parts of the workshop, run by a reader who chose Compose.

The longest parts are left out: their commands also occur in the others, or are tested without
containers in tests/workshop.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.containers import Containers
from tests.compose.workshop_reader import DockerReader
from tests.workshop.pages import numbered

pytestmark = [pytest.mark.timeout(900), pytest.mark.matrix]


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def containers(request: pytest.FixtureRequest, docker: None) -> Iterator[Containers]:
    """Containers as on the front page: with fault injection and work times."""
    made = Containers(
        f"order-pipeline-workshop-{os.getpid()}", request.param, {"FAULTS_ALLOWED": "true"}
    )
    made.compose("--profile", "tools", "--profile", "latecomer", "build")
    try:
        yield made
    finally:
        made.down("--volumes")


@pytest.mark.parametrize("page", numbered(1, 3, 8, 9), ids=lambda page: page.stem)
def test_the_output_matches_the_page(containers: Containers, page: Path, tmp_path: Path) -> None:
    with DockerReader(containers, tmp_path / "demo") as reader:
        reader.read_up_to(page)
