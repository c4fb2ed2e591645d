"""Fixtures for all unit tests."""

import pytest


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A database for tests that run again, in tests/integration, on PostgreSQL."""
    return sqlite_url
