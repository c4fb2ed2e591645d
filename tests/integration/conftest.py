"""Fixtures for all integration tests."""

import pytest

from tests.conftest import skip_or_fail
from tests.packets import Firewall, FirewallRefused
from tools.servers import ServerMissing


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """A PostgreSQL database for the tests imported from tests/unit, which run on SQLite there."""
    return postgres_url


@pytest.fixture(scope="session")
def firewall() -> Firewall:
    """Drops packets on this machine, between processes of these tests."""
    try:
        return Firewall()
    except (FirewallRefused, ServerMissing) as reason:
        skip_or_fail(str(reason))
