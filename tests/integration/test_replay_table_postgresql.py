"""What tests/unit/test_replay_table.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_replay_table import *  # noqa: F403 (its tests are run again here)
