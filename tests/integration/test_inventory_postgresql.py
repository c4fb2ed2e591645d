"""What tests/unit/services/inventory/test_inventory.py shows on SQLite holds on PostgreSQL."""

from tests.unit.services.inventory.test_inventory import *  # noqa: F403 (its tests are run again here)
