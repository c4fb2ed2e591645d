"""The order service with everything that its OpenAPI document refers to."""

import time
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr
from sqlalchemy import select, update

from services.order.journey import Consumers
from services.order.outbox import BacklogLimit
from services.order.placing import place_order
from services.order.schema import faults, metadata, orders, runs
from services.order.synchronous.runs import PENDING
from services.order.views import create_order_app
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.faults.injection import FaultInjector
from shared.faults.store import Faults
from tests.documented import TOKEN
from tests.neighbours import Neighbours
from tests.tables import content

#: The example id in the document; an order with that id exists, so that the example works.
THE_ORDER = "ord-789"
AN_ORDER = {"userId": "u", "items": [{"productId": "p", "quantity": 1, "price": 1}]}

_THEN = "2026-03-04T05:06:07Z"
_STEP = {"step": "retried", "attempt": 1, "reason": "550", "nextAt": None, "at": _THEN}
_STATE = {"state": "applied", "attempts": 2, "startedAt": _THEN, "at": _THEN, "history": [_STEP]}


class DocumentedService:
    """The service on an empty database, with one order, and with fake consumers."""

    def __init__(
        self,
        url: str,
        *,
        outbox_limit: int = 100_000,
        token: str | None = TOKEN,
        synchronous: Neighbours | None = None,
        faults_allowed: bool = False,
    ) -> None:
        self.engine = open_database(url)
        self.placing = open_database(url, pool_size=16, autocommit=True)
        create_schema(self.engine, metadata)
        self.app = create_order_app(
            self.engine,
            partial(place_order, self.placing),
            # The clock advances by a second per request, so that each request counts the backlog
            # again.
            BacklogLimit(self.engine, outbox_limit, clock=count().__next__),
            consumers=Consumers({"email": "http://email", "sms": "http://sms"}, _neighbours()),
            synchronous=(synchronous or Neighbours()).synchronous(self.engine),
            injector=FaultInjector(Faults(self.engine, faults, allowed=faults_allowed)),
            token=SecretStr(token) if token else None,
        )
        self._place_the_order()

    def _place_the_order(self) -> None:
        assert self.app.test_client().post("/orders", json=AN_ORDER).status_code == 202
        with self.engine.begin() as tx:
            tx.execute(update(orders).values(order_id=THE_ORDER))

    def forget_keys(self) -> None:
        """Delete used idempotency keys, so that generated keys never conflict."""
        with self.engine.begin() as tx:
            tx.execute(update(orders).values(idempotency_key=None))

    def let_run(self) -> None:
        """Mark every synchronous order as in progress."""
        with self.engine.begin() as tx:
            tx.execute(update(runs).values(lease_until=time.time() + 60))
            done_by_calls = orders.c.order_id.in_(select(runs.c.order_id))
            tx.execute(update(orders).where(done_by_calls).values(status=PENDING))

    def content(self) -> dict[str, list[Any]]:
        return content(self.engine, metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.dispose()
        self.placing.dispose()


def _neighbours() -> httpx.Client:
    """Fake consumers: email has applied the event after a retry; SMS fails."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_email = request.url.host == "email"
        return httpx.Response(200, json=_STATE) if is_email else httpx.Response(500)

    return httpx.Client(transport=httpx.MockTransport(answer))
