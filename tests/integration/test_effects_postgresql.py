"""What tests/unit/test_effects.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_effects import *  # noqa: F403 (its tests are run again here)
