"""What tests/unit/shared/replay/test_store.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.replay.test_store import *  # noqa: F403 (its tests are run again here)
