"""What tests/unit/test_replay_appliers.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_replay_appliers import *  # noqa: F403 (its tests are run again here)
