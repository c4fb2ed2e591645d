"""What tests/unit/shared/replay/test_table.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.replay.test_table import *  # noqa: F403 (its tests are run again here)
