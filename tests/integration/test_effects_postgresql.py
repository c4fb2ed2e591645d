"""What tests/unit/shared/activity/test_effects.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.activity.test_effects import *  # noqa: F403 (its tests are run again here)
