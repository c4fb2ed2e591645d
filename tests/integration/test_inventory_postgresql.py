"""The tests of tests/unit/services/inventory/test_inventory.py on PostgreSQL instead of SQLite."""

from tests.unit.services.inventory.test_inventory import *  # noqa: F403 (its tests are run again here)
