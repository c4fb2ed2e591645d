"""What tests/unit/shared/consuming/test_lease_groups.py shows on SQLite holds on PostgreSQL.

Also when a process is frozen in the middle of a claim, with a row locked.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.consuming.inbox import inbox_row
from shared.consuming.lease_rows import SENDING
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable
from tests.builders import an_event
from tests.unit.shared.consuming import test_lease_groups
from tests.unit.shared.consuming.test_lease_groups import *  # noqa: F403 (its tests are run again here)


@pytest.fixture
def impatient(database_url: str) -> Iterator[Engine]:
    """Waits for a lock for half a second instead of ten."""
    engine = open_database(f"{database_url}?options=-c%20lock_timeout%3D500")
    create_schema(engine, test_lease_groups.metadata)
    yield engine
    engine.dispose()


def test_a_row_that_a_frozen_process_has_locked_holds_up_its_own_event_only(
    impatient: Engine,
) -> None:
    frozen, others = an_event(), [an_event() for _ in range(3)]
    group = test_lease_groups.Group(impatient)
    with writing(impatient) as tx:
        tx.execute(test_lease_groups.inbox.insert(), inbox_row(frozen, SENDING))
        # Together they wait for the lock, in vain; and then each for itself.
        results = group.apply([frozen, *others])
        assert {type(result) for result in results} == {DatabaseUnavailable}
        with pytest.raises(DatabaseUnavailable):
            group.effect.apply([frozen])
        assert [group.effect.apply([event]).now for event in others] == [{e.id} for e in others]
    assert group.effect.apply([frozen]).now == {frozen.id}
    assert group.sent.count(frozen.id) == 1
