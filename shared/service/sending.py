"""Makes the arguments of `compose_consumer` for a service that sends something (a mail, a text)."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine

from shared.consuming.crash_suspects import StartLog
from shared.consuming.effect import Effect
from shared.consuming.lease import LeasedEffect
from shared.consuming.outage_detector import OutageDetector
from shared.events import Event
from shared.replay.appliers import ApplyOnce, sending
from shared.replay.replayer import ApplierFor
from shared.service.compose import MakeEffect, ReplayWay
from shared.service.tables import ConsumerTables

Send = Callable[[Event], None]


def leased(send: Send, *, lease: float) -> MakeEffect:
    """`send` under a lease of `lease` seconds, with an OutageDetector that classifies refusals."""
    careful = OutageDetector(send)
    return lambda engine, tables: LeasedEffect(
        engine, tables.inbox, StartLog(tables.starts), careful, lease=lease
    )


def once_or_resend(*, threads: int) -> ReplayWay:
    """A replay sends events that were never sent, or on an operator's request, all of them again.

    `threads` events are sent at a time.
    """

    def make_appliers(engine: Engine, tables: ConsumerTables, effect: Effect) -> ApplierFor:
        once = ApplyOnce(engine, tables.inbox, effect, batch=threads, threads=threads)
        return partial(sending, once)

    return ReplayWay(make_appliers, resends=True)
