"""What tests/unit/services/analytics/test_analytics.py shows on SQLite holds on PostgreSQL."""

from tests.unit.services.analytics.test_analytics import *  # noqa: F403 (its tests are run again here)
