"""The tests of tests/unit/services/analytics/test_analytics.py on PostgreSQL instead of SQLite."""

from tests.unit.services.analytics.test_analytics import *  # noqa: F403 (its tests are run again here)
