"""Parts of the workshop, done by somebody who chose Compose.

Those that take longest are left out: their commands are in the others as well, or are tried
without containers in tests/workshop.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.containers import Containers
from tests.compose.workshop_reader import DockerReader
from tests.workshop.pages import numbered

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def containers(request: pytest.FixtureRequest, docker: None) -> Iterator[Containers]:
    """As the front page says: with faults allowed, and work that takes its time."""
    made = Containers(
        f"order-pipeline-workshop-{os.getpid()}", request.param, {"FAULTS_ALLOWED": "true"}
    )
    made.compose("--profile", "tools", "--profile", "latecomer", "build")
    try:
        yield made
    finally:
        made.down("--volumes")


@pytest.mark.parametrize("page", numbered(1, 3, 8, 9), ids=lambda page: page.stem)
def test_what_the_page_shows_is_what_is_seen(
    containers: Containers, page: Path, tmp_path: Path
) -> None:
    with DockerReader(containers, tmp_path / "demo") as reader:
        reader.read_up_to(page)
