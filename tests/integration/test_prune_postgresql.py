"""What the tests of pruning in tests/unit show on SQLite holds on PostgreSQL."""

from tests.unit.test_prune import *  # noqa: F403 (its tests are run again here)
from tests.unit.test_prune_dead_letters import *  # noqa: F403
from tests.unit.test_prune_keys import *  # noqa: F403
