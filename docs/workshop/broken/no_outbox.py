"""An order service that commits the order and then publishes its event directly.

`orderctl demo --keep --orders 0 --with order=docs.workshop.broken.no_outbox`
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Response, g
from pydantic_settings import SettingsConfigDict
from sqlalchemy import Engine, select

from services.order.app import compose
from services.order.modes import Mode
from services.order.order_form import NewOrder
from services.order.order_row import PLACE_ORDER, has_same_key, new_row
from services.order.outbox import SOURCE
from services.order.placing import ACCEPTED, Placed
from services.order.schema import orders
from services.order.settings import OrderSettings
from shared.database.engine import reading, writing
from shared.events import ORDER_PLACED, OrderPlaced, encode
from shared.observability import configure_logging
from shared.serving.server import Process, serve
from shared.settings import BrokerUrl, main
from shared.transport import Message, Publisher, connect


class Settings(OrderSettings):
    """Adds the broker, which the real order service never talks to."""

    model_config = SettingsConfigDict(frozen=True)

    broker_url: BrokerUrl


def place_order(
    engine: Engine, order: NewOrder, *, key: str | None = None, traceparent: str = ""
) -> Placed:
    row = new_row(order, status=ACCEPTED, mode=Mode.ASYNC, key=key)
    with writing(engine) as tx:
        is_new = tx.execute(PLACE_ORDER, row).rowcount == 1
    if not is_new:
        return _placed_before(engine, row)
    event = OrderPlaced(row["order_id"], order.user_id, order.items, order.total_amount)
    g.to_publish = Message(
        id=row["event_id"],
        type=ORDER_PLACED,
        source=SOURCE,
        time=datetime.now(UTC).isoformat(),
        key=row["order_id"],
        body=encode(event),
        traceparent=traceparent,
    )
    return Placed(row["order_id"], row["status"], row["total_amount"])


def _placed_before(engine: Engine, row: dict[str, Any]) -> Placed:
    with reading(engine) as tx:
        before = tx.execute(select(orders).where(has_same_key(row))).one()
    return Placed(before.order_id, before.status, before.total_amount)


def publish_when_answered(publisher: Publisher) -> Callable[[Response], Response]:
    def after(response: Response) -> Response:
        message = g.pop("to_publish", None)
        if message:
            # The fault: the order is committed, but its event exists only in memory.
            response.call_on_close(lambda: publisher.publish([message]))
        return response

    return after


def compose_without_outbox(settings: Settings) -> Process:
    process = compose(settings, place=place_order)
    publisher = connect(settings.broker_url).publisher()
    process.app.after_request(publish_when_answered(publisher))
    return process


def run(settings: Settings) -> None:
    configure_logging("order", settings.log_level)
    serve(settings, lambda: compose_without_outbox(settings), threads=settings.threads)


if __name__ == "__main__":
    main(Settings, run)
