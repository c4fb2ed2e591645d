"""What the integration tests share."""

import pytest

from tests.conftest import give_up
from tests.packets import Firewall, FirewallRefused
from tools.servers import ServerMissing


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """The database for tests that come from tests/unit, where they run on SQLite."""
    return postgres_url


@pytest.fixture(scope="session")
def firewall() -> Firewall:
    """Makes packets vanish, on this machine and between these tests' own processes."""
    try:
        return Firewall()
    except (FirewallRefused, ServerMissing) as reason:
        give_up(str(reason))
