"""What tests/unit/services/order/test_freed_keys.py shows on SQLite holds on PostgreSQL."""

from tests.unit.services.order.test_freed_keys import *  # noqa: F403 (its tests are run again here)
