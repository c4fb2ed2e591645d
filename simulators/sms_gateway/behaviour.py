"""How the gateway was told to misbehave."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, delete, select

from shared.database.engine import insert, reading, writing
from simulators.sms_gateway.schema import behaviours

Rate = Annotated[float, Meta(ge=0, le=1)]


class Behaviour(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Rates are the share of the requests that it happens to. The default is to behave well."""

    fail_rate: Annotated[Rate, Meta(description="Answered with failStatus; not accepted.")] = 0.0
    fail_status: Annotated[int, Meta(ge=400, le=599)] = 500
    delay_seconds: Annotated[
        float, Meta(ge=0, le=60, description="To wait before anything is done.")
    ] = 0.0
    lose_answer_rate: Annotated[
        Rate, Meta(description="Accepted; then the connection is cut instead of an answer.")
    ] = 0.0


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
