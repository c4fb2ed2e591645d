"""What tests/unit/shared/consuming/test_crash_suspects.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.consuming.test_crash_suspects import *  # noqa: F403 (its tests are run again here)
