"""Errors of the order service, and the RFC 9457 problem documents they are rendered as."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from flask import Response

from shared.errors import PipelineError
from shared.http.app import problem

#: Longest Retry-After, in seconds, for an order that is in progress.
LONGEST_PAUSE = 5


@dataclass(frozen=True, slots=True)
class FieldFault:
    """An invalid part of the request; `pointer` is a JSON pointer (RFC 6901) to it."""

    pointer: str
    detail: str


class RequestRefused(PipelineError):
    """Base of the refusals below: nothing was stored."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    #: Seconds after which the same request may succeed.
    repeat_after: int | None = None

    def __init__(self, detail: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class MalformedJson(RequestRefused):
    """The body is not JSON, or is ambiguous JSON."""

    status, kind, title = 400, "malformed-json", "The body is not well-formed JSON"


class WrongMediaType(RequestRefused):
    """The body is not declared as JSON in UTF-8."""

    status, kind, title = 415, "wrong-media-type", "The body must be application/json"


class InvalidOrder(RequestRefused):
    """The body is JSON, but not an order; `faults` names every invalid field."""

    status, kind, title = 422, "invalid-order", "The order is not valid"


class InvalidKey(RequestRefused):
    """The Idempotency-Key header cannot be read."""

    status, kind, title = 400, "invalid-idempotency-key", "The Idempotency-Key is not valid"


class KeyReused(RequestRefused):
    """The user has used the Idempotency-Key before, with another order."""

    status, kind, title = 422, "idempotency-key-reused", "The key belongs to another order"


class InvalidPage(RequestRefused):
    """`limit` or `cursor` of a list is out of range."""

    status, kind, title = 400, "invalid-page", "There is no such page"


class UnknownOrder(RequestRefused):
    """No order has this id."""

    status, kind, title = 404, "unknown-order", "There is no such order"


class OutboxFull(RequestRefused):
    """OUTBOX_LIMIT or more events are waiting to be published: the relay is slow or down."""

    status, kind, title = 503, "outbox-full", "Too many orders are waiting to be published"
    repeat_after = 5


class InvalidMode(RequestRefused):
    """`mode` is unknown, or given more than once."""

    status, kind, title = 400, "invalid-mode", "There is no such mode"


class OrderInProgress(RequestRefused):
    """The order with this Idempotency-Key is still being processed."""

    status, kind, title = 409, "order-in-progress", "The order is being processed"
    repeat_after = 1

    def __init__(self, order_id: str, seconds: float) -> None:
        super().__init__(f"{order_id} is being processed, for at most {seconds:.0f} s more")
        self.repeat_after = min(int(seconds) + 1, LONGEST_PAUSE)


class TooManySynchronous(RequestRefused):
    """Synchronous orders already occupy all the request threads they may use."""

    status, kind, title = 503, "too-many-at-once", "Too many orders are being processed at once"
    repeat_after = 1


class OrderFailed(PipelineError):
    """Base of the failures below: a consumer failed, and the order is stored as `failed`.

    `stage` names the consumer; `stages` lists every call that was made, since the effects of
    those that succeeded are not undone.
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
    """A consumer refused the event or could not be reached."""

    status, kind, title = 502, "stage-failed", "A service failed"


class StageTimedOut(OrderFailed):
    """A consumer did not respond in time; whether it applied its effect is unknown."""

    status, kind, title = 504, "stage-timed-out", "A service did not respond in time"


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
