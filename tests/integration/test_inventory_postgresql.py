"""What tests/unit/test_inventory.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_inventory import *  # noqa: F403 (its tests are run again here)
