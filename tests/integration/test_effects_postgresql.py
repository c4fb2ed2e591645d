"""The tests of tests/unit/shared/activity/test_effects.py on PostgreSQL instead of SQLite."""

from tests.unit.shared.activity.test_effects import *  # noqa: F403 (its tests are run again here)
