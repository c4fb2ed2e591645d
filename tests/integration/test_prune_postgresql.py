"""What tests/unit/test_prune.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_prune import *  # noqa: F403 (its tests are run again here)
