"""What a service that sends something out (a mail, a text) passes to `compose_consumer`."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine

from shared.circuit import Circuit
from shared.events import Event
from shared.inbox import Effect, LeasedEffect
from shared.replay_appliers import ApplyOnce, sending
from shared.replayer import ApplierFor
from shared.service.compose import MakeEffect, ReplayWay
from shared.service.tables import ConsumerTables
from shared.starts import Starts

Send = Callable[[Event], None]


def leased(send: Send, *, lease: float) -> MakeEffect:
    """`send` under a lease of so many seconds; its refusals are judged by those of others."""
    careful = Circuit(send)
    return lambda engine, tables: LeasedEffect(
        engine, tables.inbox, Starts(tables.starts), careful, lease=lease
    )


def once_or_resend(*, threads: int) -> ReplayWay:
    """A replay sends what was never sent, or everything again when an operator asks for that.

    `threads` events are sent at a time.
    """

    def make_appliers(engine: Engine, tables: ConsumerTables, effect: Effect) -> ApplierFor:
        once = ApplyOnce(engine, tables.inbox, effect, batch=threads, threads=threads)
        return partial(sending, once)

    return ReplayWay(make_appliers, resends=True)
