"""The tests of tests/unit/shared/faults/test_faults.py on PostgreSQL instead of SQLite."""

from tests.unit.shared.faults.test_faults import *  # noqa: F403 (its tests are run again here)
