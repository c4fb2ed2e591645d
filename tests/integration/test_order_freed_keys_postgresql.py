"""The tests of tests/unit/services/order/test_freed_keys.py on PostgreSQL instead of SQLite."""

from tests.unit.services.order.test_freed_keys import *  # noqa: F403 (its tests are run again here)
