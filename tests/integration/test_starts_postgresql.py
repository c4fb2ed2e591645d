"""The tests of tests/unit/shared/consuming/test_crash_suspects.py on PostgreSQL."""

from tests.unit.shared.consuming.test_crash_suspects import *  # noqa: F403 (its tests are run again here)
