"""An order's journey: its state and history at each service, as the services report it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta
from sqlalchemy import Engine, select

from services.order.history import Order, Status
from services.order.modes import Mode
from services.order.placing import ACCEPTED
from services.order.schema import outbox
from services.order.synchronous.calls import Stage
from services.order.synchronous.runs import Runs
from shared.activity.shapes import WAITING, Stop
from shared.database.engine import reading
from shared.errors import DocumentError
from shared.events import Identifier
from shared.http.bounded_client import open_client
from shared.http.documents import read_document
from shared.openapi.fields import Time, one_of

#: A person is waiting for the journey, so a service that takes longer counts as down.
TIMEOUT_SECONDS = 2.0
UNKNOWN = "unknown"
UNDONE = "undone"
IN_OUTBOX = "waiting"
SET_ASIDE = "set_aside"
PUBLISHED = "published"
#: Outbox state of an order whose event was never in the outbox.
NEVER = "none"


class Journey(msgspec.Struct, frozen=True, rename="camel"):
    """State and history of an order at every service."""

    order_id: Identifier
    event_id: str
    status: Status
    mode: Annotated[str, one_of(*Mode)]
    placed_at: Time
    outbox: Annotated[
        str,
        one_of(IN_OUTBOX, PUBLISHED, SET_ASIDE, NEVER),
        Meta(
            description="`waiting` until the relay has published the event, then `published`; "
            "`set_aside` while it cannot be published, for the reason in `outboxReason`; `none` "
            "for an order that is processed synchronously."
        ),
    ]
    stages: Annotated[
        Sequence[Stage],
        Meta(description="The calls of the last completed run."),
    ]
    services: Annotated[Mapping[str, Stop], Meta(description="By the name of the service.")]
    outbox_reason: str | None = None


class Consumers:
    """Queries the services, all at the same time."""

    def __init__(self, urls: Mapping[str, str], client: httpx.Client | None = None) -> None:
        self._urls = urls
        # No keep-alive: gunicorn may close an idle connection at any time.
        self._client = client or open_client(
            TIMEOUT_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._threads = ThreadPoolExecutor(max(4, 2 * len(urls)), thread_name_prefix="journey")

    def query(self, order_id: str) -> dict[str, Stop]:
        stops = self._threads.map(lambda url: self._query(url, order_id), self._urls.values())
        return dict(zip(self._urls, stops, strict=True))

    def _query(self, url: str, order_id: str) -> Stop:
        try:
            response = self._client.get(f"{url.rstrip('/')}/orders/{order_id}").raise_for_status()
            return read_document(response.content, Stop)
        except (httpx.HTTPError, DocumentError) as error:
            return Stop(state=UNKNOWN, reason=f"no response: {str(error) or type(error).__name__}")


def journey(engine: Engine, runs: Runs, consumers: Consumers, order: Order) -> Journey:
    run = None if order.status == ACCEPTED else runs.find(order.order_id)
    services = consumers.query(order.order_id)
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
    """The outbox state of the event, and why it was set aside, if it was."""
    query = select(outbox.c.set_aside).where(outbox.c.id == event_id).limit(1)
    with reading(engine) as tx:
        row = tx.execute(query).first()
    if row is None:
        return PUBLISHED, None
    return (SET_ASIDE, row.set_aside) if row.set_aside is not None else (IN_OUTBOX, None)


def _without_event(services: Mapping[str, Stop]) -> dict[str, Stop]:
    """Report `undone` for `waiting`: services assume that an unknown order is still to come."""
    undone = Stop(state=UNDONE, reason="it was not called, or failed")
    return {name: undone if stop.state == WAITING else stop for name, stop in services.items()}
