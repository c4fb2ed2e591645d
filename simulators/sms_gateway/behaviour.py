"""Stores the configured misbehaviour of the gateway."""

import threading
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, delete, select

from shared.database.engine import insert, reading, writing
from simulators.sms_gateway.schema import behaviours

Rate = Annotated[float, Meta(ge=0, le=1)]


class Behaviour(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Rates are shares of all requests. The default is to behave well."""

    fail_rate: Annotated[Rate, Meta(description="Refused with failStatus.")] = 0.0
    fail_status: Annotated[int, Meta(ge=400, le=599)] = 500
    delay_seconds: Annotated[
        float, Meta(ge=0, le=60, description="A delay before anything else.")
    ] = 0.0
    lose_answer_rate: Annotated[
        Rate, Meta(description="Accepted, but the connection is closed without a response.")
    ] = 0.0


class Behaviours:
    """The current behaviour. Only this process writes it, so that it is read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._current: Behaviour | None = None

    def current(self) -> Behaviour:
        with self._lock:
            self._current = self._current or self._read()
            return self._current

    def change(self, behaviour: Behaviour) -> None:
        new: dict[str, Any] = {"behaviour": msgspec.to_builtins(behaviour)}
        with self._lock, writing(self._engine) as tx:
            # To be read again, even if it is unknown whether this was committed.
            self._current = None
            row = insert(tx, behaviours).values(id=1, **new)
            tx.execute(row.on_conflict_do_update(index_elements=[behaviours.c.id], set_=new))

    def reset(self) -> None:
        with self._lock, writing(self._engine) as tx:
            self._current = None
            tx.execute(delete(behaviours))

    def _read(self) -> Behaviour:
        with reading(self._engine) as tx:
            stored = tx.scalar(select(behaviours.c.behaviour))
        return msgspec.convert(stored, Behaviour) if stored else Behaviour()
