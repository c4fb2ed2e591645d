"""A consumer with a fault that the audit must find, for orders of the customer usr-fault.

FAULT is `forgets` (acknowledges without the effect), `twice` (the effect twice, the second time
under another event id, so that no inbox, key or constraint detects it), `otherwise` (the effect of
another customer's order for other products), `repeats` (the same mail five times), `invents` (the
effect, and again under the id of a replay that never ran) or `backorders` (records a backorder
although there is stock).
"""

import os
import uuid
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from services.inventory.schema import movements, products
from shop.prices import PRICES
from tests.e2e.parts.composing import Handler, events_of, run_consumer

CUSTOMER = "usr-fault"


def forgets(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        kept = [e for e in events_of(arguments) if e.order.user_id != CUSTOMER]
        _call(handler, arguments, kept)

    return faulty


def twice(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        handler(*arguments)
        again = [
            replace(event, id=str(uuid.uuid4()))
            for event in events_of(arguments)
            if event.order.user_id == CUSTOMER
        ]
        _call(handler, arguments, again)

    return faulty


def otherwise(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        _call(handler, arguments, [_changed(event) for event in events_of(arguments)])

    return faulty


def _changed(event: Any) -> Any:
    if event.order.user_id != CUSTOMER:
        return event
    ordered = {item.product_id for item in event.order.items}
    other = next(product for product in PRICES if product not in ordered)
    items = tuple(replace(item, product_id=other) for item in event.order.items)
    return replace(event, order=replace(event.order, user_id="usr-other", items=items))


def repeats(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        bad = [event for event in events_of(arguments) if event.order.user_id == CUSTOMER]
        for _ in range(4):
            _call(handler, arguments, bad)
        handler(*arguments)

    return faulty


def invents(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        handler(*arguments)
        again = [
            replace(event, id=f"{event.id}.replay-0123456789ab")
            for event in events_of(arguments)
            if event.order.user_id == CUSTOMER
        ]
        _call(handler, arguments, again)

    return faulty


def backorders(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        handler(*arguments)
        for event in events_of(arguments):
            if event.order.user_id == CUSTOMER:
                _take_back(arguments[0], event.id)

    return faulty


def _take_back(tx: Connection, event_id: str) -> None:
    mine = movements.c.event_id == event_id
    for row in tx.execute(select(movements).where(mine)).all():
        product = products.c.product_id == row.product_id
        tx.execute(update(products).where(product).values(on_hand=products.c.on_hand + row.moved))
    nothing = {"moved": 0, "backordered": movements.c.requested}
    tx.execute(update(movements).where(mine).values(nothing))


FAULTS = {
    fault.__name__: fault for fault in (forgets, twice, otherwise, repeats, invents, backorders)
}


def _call(handler: Handler, arguments: tuple[Any, ...], events: list[Any]) -> None:
    if len(arguments) == 2:
        if events:
            handler(arguments[0], events)
    else:
        for event in events:
            handler(event)


if __name__ == "__main__":
    run_consumer(around=FAULTS[os.environ["FAULT"]])
