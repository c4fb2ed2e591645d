"""Makes the arguments of `compose_consumer` for a service whose effect is in its own database."""

import time
from functools import partial

from sqlalchemy import Engine

from shared.consuming.crash_suspects import StartLog
from shared.consuming.effect import Effect
from shared.consuming.inbox import TransactionalEffect
from shared.replay.appliers import ApplyOnce, Rebuild, Remove, Write
from shared.replay.replayer import ApplierFor
from shared.service.compose import MakeEffect, ReplayWay
from shared.service.tables import ConsumerTables

__all__ = ["Write", "apply_once", "rebuild", "transactional"]


def transactional(write: Write, *, work_time: float = 0.0) -> MakeEffect:
    """`write` and the inbox row in one transaction, after `work_time` seconds of simulated work."""
    work = partial(time.sleep, work_time)
    return lambda engine, tables: TransactionalEffect(
        engine, tables.inbox, StartLog(tables.starts), write, work
    )


def rebuild(remove: Remove, write: Write) -> ReplayWay:
    """A replay deletes the rows of each event and rewrites them."""

    def make_appliers(engine: Engine, tables: ConsumerTables, _effect: Effect) -> ApplierFor:
        return lambda _replay: Rebuild(engine, tables.inbox, remove, write)

    return ReplayWay(make_appliers)


def apply_once(*, batch: int) -> ReplayWay:
    """A replay applies events that were never applied, and none a second time."""

    def make_appliers(engine: Engine, tables: ConsumerTables, effect: Effect) -> ApplierFor:
        once = ApplyOnce(engine, tables.inbox, effect, batch=batch)
        return lambda _replay: once

    return ReplayWay(make_appliers)
