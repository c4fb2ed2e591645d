"""The tests of tests/unit/shared/replay/test_appliers.py on PostgreSQL instead of SQLite."""

from tests.unit.shared.replay.test_appliers import *  # noqa: F403 (its tests are run again here)
