"""What tests/unit/shared/consuming/test_lease_groups.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.consuming.test_lease_groups import *  # noqa: F403 (its tests are run again here)
