"""What a service whose effect is in its own database passes to `compose_consumer`."""

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
    """`write` and the inbox row in one transaction, after `work_time` seconds of pretended work."""
    work = partial(time.sleep, work_time)
    return lambda engine, tables: TransactionalEffect(
        engine, tables.inbox, StartLog(tables.starts), write, work
    )


def rebuild(remove: Remove, write: Write) -> ReplayWay:
    """A replay deletes what each event has written, and writes it again."""

    def make_appliers(engine: Engine, tables: ConsumerTables, _effect: Effect) -> ApplierFor:
        return lambda _replay: Rebuild(engine, tables.inbox, remove, write)

    return ReplayWay(make_appliers)


def apply_once(*, batch: int) -> ReplayWay:
    """A replay does what was never done, and nothing a second time."""

    def make_appliers(engine: Engine, tables: ConsumerTables, effect: Effect) -> ApplierFor:
        once = ApplyOnce(engine, tables.inbox, effect, batch=batch)
        return lambda _replay: once

    return ReplayWay(make_appliers)
