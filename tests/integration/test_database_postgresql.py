"""What tests/unit/test_database.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_database import *  # noqa: F403 (its tests are run again here)
