"""What tests/unit/services/shipping/test_shipping.py shows on SQLite holds on PostgreSQL."""

from tests.unit.services.shipping.test_shipping import *  # noqa: F403 (its tests are run again here)
