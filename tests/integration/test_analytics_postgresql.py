"""What tests/unit/test_analytics.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_analytics import *  # noqa: F403 (its tests are run again here)
