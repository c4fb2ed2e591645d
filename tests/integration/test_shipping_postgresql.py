"""The tests of tests/unit/services/shipping/test_shipping.py on PostgreSQL instead of SQLite."""

from tests.unit.services.shipping.test_shipping import *  # noqa: F403 (its tests are run again here)
