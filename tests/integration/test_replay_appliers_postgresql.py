"""What tests/unit/shared/replay/test_appliers.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.replay.test_appliers import *  # noqa: F403 (its tests are run again here)
