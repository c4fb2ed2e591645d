"""The system in containers, started empty, and removed with all its data."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.compose.containers import Containers

#: Short work times and rungs, since these tests are about containers.
SETTINGS = {
    "EMAIL_WORK_TIME": "0.1",
    "EMAIL_ANSWER_TIMEOUT": "10",
    "SMS_WORK_TIME": "0.1",
    "INVENTORY_WORK_TIME": "0.1",
    "RETRY_LADDER": "1,2,4",
}


@pytest.fixture(scope="session")
def docker() -> None:
    """Skip, or fail if CI is set, when there is no Docker engine."""
    _require_docker()


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def system(request: pytest.FixtureRequest, docker: None) -> Iterator[Containers]:
    containers = Containers(f"order-pipeline-test-{os.getpid()}", request.param, SETTINGS)
    try:
        containers.up("--build")
        yield containers
    finally:
        containers.down("--volumes")


def _require_docker() -> None:
    if _answers():
        return
    if os.environ.get("CI"):
        pytest.fail("CI is set, so every test must run: no Docker engine with Compose answers")
    pytest.skip("no Docker engine with Compose answers; see https://docs.docker.com/get-docker/")


def _answers() -> bool:
    commands = (["docker", "info"], ["docker", "compose", "version"])
    return shutil.which("docker") is not None and all(
        subprocess.run(command, capture_output=True, check=False).returncode == 0
        for command in commands
    )
