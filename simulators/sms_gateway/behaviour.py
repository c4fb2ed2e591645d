"""How the gateway was told to misbehave."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, delete, select

from shared.database import insert, reading, writing
from simulators.sms_gateway.schema import behaviours

Rate = Annotated[float, Meta(ge=0, le=1)]


class Behaviour(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Rates are the share of the requests that it happens to. The default is to behave well."""

    #: Answers `fail_status` and accepts nothing.
    fail_rate: Rate = 0.0
    fail_status: Annotated[int, Meta(ge=400, le=599)] = 500
    #: Waits before it does anything.
    delay_seconds: Annotated[float, Meta(ge=0, le=60)] = 0.0
    #: Accepts, and then breaks the connection off instead of answering.
    lose_answer_rate: Rate = 0.0


def current(engine: Engine) -> Behaviour:
    with reading(engine) as tx:
        told = tx.scalar(select(behaviours.c.behaviour))
    return msgspec.convert(told, Behaviour) if told else Behaviour()


def change(engine: Engine, behaviour: Behaviour) -> None:
    told: dict[str, Any] = {"behaviour": msgspec.to_builtins(behaviour)}
    with writing(engine) as tx:
        row = insert(tx, behaviours).values(id=1, **told)
        tx.execute(row.on_conflict_do_update(index_elements=[behaviours.c.id], set_=told))


def reset(engine: Engine) -> None:
    with writing(engine) as tx:
        tx.execute(delete(behaviours))
