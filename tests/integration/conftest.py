"""What the integration tests share."""

import pytest


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """The database for tests that come from tests/unit, where they run on SQLite."""
    return postgres_url
