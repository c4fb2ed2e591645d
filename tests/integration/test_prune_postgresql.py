"""The pruning tests of tests/unit on PostgreSQL instead of SQLite."""

from tests.unit.services.order.test_prune import *  # noqa: F403
from tests.unit.shared.consuming.test_prune import *  # noqa: F403 (its tests are run again here)
from tests.unit.shared.consuming.test_prune_dead_letters import *  # noqa: F403
