"""Stores the configured misbehaviour of the gateway."""

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


def current(engine: Engine) -> Behaviour:
    with reading(engine) as tx:
        stored = tx.scalar(select(behaviours.c.behaviour))
    return msgspec.convert(stored, Behaviour) if stored else Behaviour()


def change(engine: Engine, behaviour: Behaviour) -> None:
    new: dict[str, Any] = {"behaviour": msgspec.to_builtins(behaviour)}
    with writing(engine) as tx:
        row = insert(tx, behaviours).values(id=1, **new)
        tx.execute(row.on_conflict_do_update(index_elements=[behaviours.c.id], set_=new))


def reset(engine: Engine) -> None:
    with writing(engine) as tx:
        tx.execute(delete(behaviours))
