"""What tests/unit/test_replays.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_replays import *  # noqa: F403 (its tests are run again here)
