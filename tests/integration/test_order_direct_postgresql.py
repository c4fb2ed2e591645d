"""What tests/unit/services/order/test_synchronous.py shows on SQLite holds on PostgreSQL."""

from tests.unit.services.order.test_synchronous import *  # noqa: F403 (its tests are run again here)
