"""Requests that are refused. Each kind knows the RFC 9457 problem document it becomes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from flask import Response

from shared.errors import PipelineError
from shared.http.app import problem

#: Whoever waits for an order that is being done looks again after so many seconds, at most.
LONGEST_PAUSE = 5


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A part of the request that is wrong; `pointer` is a JSON pointer (RFC 6901) to it."""

    pointer: str
    detail: str


class RequestRefused(PipelineError):
    """The root of those below. Nothing was written."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    #: Seconds after which the same request may fare better.
    repeat_after: int | None = None

    def __init__(self, detail: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class MalformedJson(RequestRefused):
    """The body is not JSON, or is JSON that two readers could understand differently."""

    status, kind, title = 400, "malformed-json", "The body is not well-formed JSON"


class WrongMediaType(RequestRefused):
    """The body is not declared to be JSON."""

    status, kind, title = 415, "wrong-media-type", "The body has to be application/json"


class InvalidOrder(RequestRefused):
    """The body is JSON, but not an order; `faults` names every field that is wrong."""

    status, kind, title = 422, "invalid-order", "The order is not valid"


class InvalidKey(RequestRefused):
    """The Idempotency-Key header cannot be read."""

    status, kind, title = 400, "invalid-idempotency-key", "The Idempotency-Key is not valid"


class KeyReused(RequestRefused):
    """The user has used the Idempotency-Key before, with another order."""

    status, kind, title = 422, "idempotency-key-reused", "The key belongs to another order"


class InvalidPage(RequestRefused):
    """`limit` or `cursor` of a list is not what the service takes."""

    status, kind, title = 400, "invalid-page", "There is no such page"


class UnknownOrder(RequestRefused):
    """No order has this id."""

    status, kind, title = 404, "unknown-order", "There is no such order"


class OutboxFull(RequestRefused):
    """More events wait to be published than OUTBOX_LIMIT allows: the relay is behind or down."""

    status, kind, title = 503, "outbox-full", "Too many orders wait to be published"
    repeat_after = 5


class InvalidMode(RequestRefused):
    """`mode` is not one of those in which an order can be placed."""

    status, kind, title = 400, "invalid-mode", "There is no such mode"


class OrderInProgress(RequestRefused):
    """The order that has this Idempotency-Key is being done right now."""

    status, kind, title = 409, "order-in-progress", "The order is being done"
    repeat_after = 1

    def __init__(self, order_id: str, seconds: float) -> None:
        super().__init__(f"{order_id} is being done, for {seconds:.0f} s more at most")
        self.repeat_after = min(int(seconds) + 1, LONGEST_PAUSE)


class TooManySynchronous(RequestRefused):
    """Orders that are done by calls hold as many request threads as they may."""

    status, kind, title = 503, "too-many-at-once", "Too many orders are being done at once"
    repeat_after = 1


class OrderFailed(PipelineError):
    """The root of those below: a consumer did not do its part, and the order is written `failed`.

    `stage` names the consumer; `stages` holds every call that was made, for what succeeded
    before, or at the same time, has happened all the same.
    """

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    repeat_after: ClassVar[int | None] = None

    def __init__(self, detail: str, *, order_id: str, stage: str, stages: Sequence[object]) -> None:
        super().__init__(detail)
        self.order_id = order_id
        self.stage = stage
        self.stages = stages


class StageFailed(OrderFailed):
    """A consumer refused the event, or was not to be reached."""

    status, kind, title = 502, "stage-failed", "A service did not do its part"


class StageTimedOut(OrderFailed):
    """A consumer gave no answer in time; whether it has done its part is unknown."""

    status, kind, title = 504, "stage-timed-out", "A service did not answer in time"


def to_problem(error: RequestRefused) -> Response:
    more = {"errors": [asdict(fault) for fault in error.faults]} if error.faults else {}
    kind = f"/problems/{error.kind}"
    response = problem(error.status, error.title, str(error), type=kind, **more)
    if error.repeat_after is not None:
        response.headers["Retry-After"] = str(error.repeat_after)
    return response


def failed_to_problem(error: OrderFailed) -> Response:
    response = problem(
        error.status,
        error.title,
        str(error),
        type=f"/problems/{error.kind}",
        orderId=error.order_id,
        stage=error.stage,
        stages=error.stages,
    )
    response.headers["Location"] = f"/orders/{error.order_id}"
    return response
