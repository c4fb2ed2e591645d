"""What tests/unit/shared/faults/test_faults.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.faults.test_faults import *  # noqa: F403 (its tests are run again here)
