"""The tests of tests/unit/services/order/test_synchronous.py on PostgreSQL instead of SQLite."""

from tests.unit.services.order.test_synchronous import *  # noqa: F403 (its tests are run again here)
