"""An order's journey: what each service says that it has done with it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta
from sqlalchemy import Engine, select

from services.order.history import Order
from services.order.modes import Mode
from services.order.placing import ACCEPTED
from services.order.schema import outbox
from services.order.synchronous.calls import Stage
from services.order.synchronous.runs import Runs
from shared.activity.order_state import WAITING
from shared.database.engine import reading
from shared.errors import DocumentError
from shared.events import Identifier
from shared.http.bounded_client import open_client
from shared.http.documents import read_document
from shared.openapi.fields import Count, Time

#: Somebody is looking at a screen: a service that takes longer counts as one that is away.
PATIENCE_SECONDS = 2.0
UNKNOWN = "unknown"
UNDONE = "undone"
IN_OUTBOX = "waiting"
SET_ASIDE = "set_aside"
PUBLISHED = "published"
#: In place of a state of the outbox, for an order whose event was never in it.
NEVER = "none"


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """Something that happened before the state in which the service says it is now."""

    step: str
    attempt: Count
    reason: str
    next_at: Time | None
    at: Time


class Stop(msgspec.Struct, frozen=True, rename="camel"):
    """What one service has done with the order."""

    state: str
    attempts: Count = 0
    started_at: Annotated[Time | None, Meta(description="When the work began.")] = None
    at: Annotated[Time | None, Meta(description="When it came into this state.")] = None
    reason: str | None = None
    next_at: Annotated[Time | None, Meta(description="When the next attempt is due.")] = None
    history: tuple[Step, ...] = ()


class Journey(msgspec.Struct, frozen=True, rename="camel"):
    """What every service has done with an order."""

    order_id: Identifier
    event_id: str
    status: str
    mode: str
    placed_at: Time
    outbox: Annotated[
        str,
        Meta(
            description="`waiting` until the relay has published the event, then `published`; "
            "`set_aside` while it cannot be published, as `outboxReason` says; `none` for an order "
            "that is processed synchronously."
        ),
    ]
    stages: Annotated[
        Sequence[Stage],
        Meta(description="The calls that were made, the last time that the order ended."),
    ]
    services: Annotated[Mapping[str, Stop], Meta(description="By the name of the service.")]
    outbox_reason: str | None = None


class Consumers:
    """The services that are asked, all at the same time."""

    def __init__(self, urls: Mapping[str, str], client: httpx.Client | None = None) -> None:
        self._urls = urls
        # A connection is not used again: gunicorn closes an idle one when it likes.
        self._client = client or open_client(
            PATIENCE_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._threads = ThreadPoolExecutor(max(4, 2 * len(urls)), thread_name_prefix="journey")

    def ask(self, order_id: str) -> dict[str, Stop]:
        answers = self._threads.map(lambda url: self._ask(url, order_id), self._urls.values())
        return dict(zip(self._urls, answers, strict=True))

    def _ask(self, url: str, order_id: str) -> Stop:
        try:
            response = self._client.get(f"{url.rstrip('/')}/orders/{order_id}").raise_for_status()
            return read_document(response.content, Stop)
        except (httpx.HTTPError, DocumentError) as error:
            return Stop(UNKNOWN, reason=f"it does not answer: {str(error) or type(error).__name__}")


def journey(engine: Engine, runs: Runs, consumers: Consumers, order: Order) -> Journey:
    run = None if order.status == ACCEPTED else runs.find(order.order_id)
    services = consumers.ask(order.order_id)
    state, reason = (NEVER, None) if run else _outbox(engine, order.event_id)
    return Journey(
        order_id=order.order_id,
        event_id=order.event_id,
        status=order.status,
        mode=run.mode if run else Mode.ASYNC,
        placed_at=order.placed_at,
        outbox=state,
        outbox_reason=reason,
        stages=run.stages if run else (),
        services=services if run is None or run.is_running else _without_event(services),
    )


def _outbox(engine: Engine, event_id: str) -> tuple[str, str | None]:
    """Where the event is, and why it was set aside."""
    query = select(outbox.c.set_aside).where(outbox.c.id == event_id).limit(1)
    with reading(engine) as tx:
        row = tx.execute(query).first()
    if row is None:
        return PUBLISHED, None
    return (SET_ASIDE, row.set_aside) if row.set_aside is not None else (IN_OUTBOX, None)


def _without_event(services: Mapping[str, Stop]) -> dict[str, Stop]:
    """A service that knows nothing of the order calls it waiting: it cannot know better."""
    return {
        name: Stop(UNDONE, reason="it was not called, or did not do it")
        if stop.state == WAITING
        else stop
        for name, stop in services.items()
    }
