"""Requests that are refused. Each kind knows the RFC 9457 problem document it becomes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from flask import Response

from shared.errors import PipelineError
from shared.http import problem


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the request that is wrong; `pointer` is a JSON pointer (RFC 6901) to it."""

    pointer: str
    detail: str


class Refused(PipelineError):
    """The root of those below. Nothing was written."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class MalformedJson(Refused):
    """The body is not JSON, or is JSON that two readers could understand differently."""

    status, kind, title = 400, "malformed-json", "The body is not well-formed JSON"


class WrongMediaType(Refused):
    """The body is not declared to be JSON."""

    status, kind, title = 415, "wrong-media-type", "The body has to be application/json"


class InvalidOrder(Refused):
    """The body is JSON, but not an order; `faults` names every field that is wrong."""

    status, kind, title = 422, "invalid-order", "The order is not valid"


class InvalidKey(Refused):
    """The Idempotency-Key header cannot be read."""

    status, kind, title = 400, "invalid-idempotency-key", "The Idempotency-Key is not valid"


class KeyReused(Refused):
    """The Idempotency-Key was used before, with another order."""

    status, kind, title = 422, "idempotency-key-reused", "The key belongs to another order"


class InvalidPage(Refused):
    """`limit` or `cursor` of a list is not what the service takes."""

    status, kind, title = 400, "invalid-page", "There is no such page"


class UnknownOrder(Refused):
    """No order has this id."""

    status, kind, title = 404, "unknown-order", "There is no such order"


class OutboxFull(Refused):
    """More events wait to be published than OUTBOX_LIMIT allows: the relay is behind or down."""

    status, kind, title = 503, "outbox-full", "Too many orders wait to be published"


def to_problem(error: Refused) -> Response:
    more = {"errors": [asdict(fault) for fault in error.faults]} if error.faults else {}
    kind = f"/problems/{error.kind}"
    response = problem(error.status, error.title, str(error), type=kind, **more)
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response
