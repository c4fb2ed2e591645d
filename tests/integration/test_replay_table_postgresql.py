"""The tests of tests/unit/shared/replay/test_table.py on PostgreSQL instead of SQLite."""

from tests.unit.shared.replay.test_table import *  # noqa: F403 (its tests are run again here)
