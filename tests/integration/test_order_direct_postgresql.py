"""What tests/unit/test_order_direct.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_order_direct import *  # noqa: F403 (its tests are run again here)
