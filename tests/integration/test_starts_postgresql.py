"""What tests/unit/test_starts.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_starts import *  # noqa: F403 (its tests are run again here)
