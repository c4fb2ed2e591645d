"""What tests/unit/test_faults.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_faults import *  # noqa: F403 (its tests are run again here)
