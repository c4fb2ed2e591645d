"""The order service in the test's process, without a server."""

import json
from functools import partial
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from services.order.journey import Consumers
from services.order.outbox import BacklogLimit
from services.order.placing import place_order
from services.order.schema import faults, metadata, orders, outbox
from services.order.views import create_order_app
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.faults.injection import FaultInjector
from shared.faults.store import Faults
from tests.neighbours import Neighbours

TOKEN = "the-token-of-the-tests"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}

AN_ORDER: dict[str, Any] = {
    "userId": "usr-123",
    "items": [
        {"productId": "prod-456", "quantity": 2, "price": 49.99},
        {"productId": "prod-457", "quantity": 1, "price": 5},
    ],
}


class OrderService:
    """Uses the database at a URL, which may be empty. Thread-safe."""

    def __init__(
        self, url: str, *, outbox_limit: int = 1000, synchronous: Neighbours | None = None
    ) -> None:
        self.engine = open_database(url)
        self.placing = open_database(url, pool_size=16, autocommit=True)
        create_schema(self.engine, metadata)
        self.app = create_order_app(
            self.engine,
            partial(place_order, self.placing),
            BacklogLimit(self.engine, outbox_limit),
            consumers=Consumers({}),
            synchronous=(synchronous or Neighbours()).synchronous(self.engine),
            injector=FaultInjector(Faults(self.engine, faults, allowed=False)),
            token=SecretStr(TOKEN),
        )

    def post(self, body: Any = None, *, mode: str | None = None, **headers: str) -> TestResponse:
        """Bytes are sent unchanged, other bodies as JSON; headers as in `content_type=…`."""
        sent = body if isinstance(body, bytes) else json.dumps(body or AN_ORDER).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {"content-type": "application/json", **named}
        return self.app.test_client().post(
            "/orders", query_string={"mode": mode} if mode else None, data=sent, headers=all_headers
        )

    def get(self, path: str) -> TestResponse:
        return self.app.test_client().get(path, headers=AS_OPERATOR)

    def rows(self) -> tuple[int, int]:
        """The number of orders and of outbox rows."""
        with self.engine.connect().execution_options(read_only=True) as tx:
            count = [tx.scalar(select(func.count()).select_from(t)) for t in (orders, outbox)]
        return count[0] or 0, count[1] or 0

    def waiting(self) -> list[Any]:
        """The rows of the outbox, in the order in which the relay reads them."""
        with self.engine.connect().execution_options(read_only=True) as tx:
            return list(tx.execute(select(outbox).order_by(outbox.c.seq)))

    def close(self) -> None:
        self.engine.dispose()
        self.placing.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
