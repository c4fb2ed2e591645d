"""What each far end has to say, turned into effects and orders."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from orderctl.audit_evidence import Effect, Order, Stock
from orderctl.audit_pages import PAGE, Witness
from orderctl.audit_shapes import (
    Fact,
    Joined,
    Mail,
    MailPage,
    Movement,
    OrderPage,
    ProductPage,
    Shipment,
    TextPage,
)

#: The email service's Message-IDs are `<EVENT_ID@orders.example>`.
MESSAGE_ID_DOMAIN = "@orders.example"

#: Mailpit's list, newest first. Source: Mailpit's API, v1.
MAILS = "/api/v1/messages"

Page = TypeVar("Page", OrderPage, TextPage, ProductPage)


def orders(order: Witness) -> Iterator[Order]:
    seen = set()
    for page in _pages(order, "/orders", OrderPage, "cursor"):
        for row in page.orders:
            if row.order_id not in seen:
                seen.add(row.order_id)
                yield Order(
                    row.order_id,
                    row.event_id,
                    row.quantities(),
                    row.total_amount,
                    row.placed_at,
                    row.status,
                )


def newest_order(order: Witness) -> str | None:
    page = order.get("/orders", OrderPage, limit=1)
    return page.orders[0].order_id if page.orders else None


def mails(server: Witness) -> Iterator[Effect]:
    """Every mail that the server accepted; one that arrives meanwhile may shift the pages."""
    seen: set[str] = set()
    start, total = 0, _mail_page(server, 0).total
    while messages := _mail_page(server, start).messages:
        yield from (_mail_effect(mail) for mail in messages if mail.id not in seen)
        seen.update(mail.id for mail in messages)
        start += len(messages)
    if len(seen) < total:
        raise server.incomplete(MAILS, len(seen), total)


def _mail_page(server: Witness, start: int) -> MailPage:
    return server.get(MAILS, MailPage, start=start, limit=PAGE)


def _mail_effect(mail: Mail) -> Effect:
    event_id = mail.message_id.strip("<>").removesuffix(MESSAGE_ID_DOMAIN)
    return Effect(event_id or f"mail {mail.id}", mentions=mail.subject)


def texts(gateway: Witness) -> Iterator[Effect]:
    for page in _pages(gateway, "/messages", TextPage, "after"):
        for text in page.messages:
            yield Effect(text.idempotency_key or f"text {text.id}", mentions=text.text)


def movements(inventory: Witness) -> Iterator[Movement]:
    return inventory.lines("/effects", Movement)


def effect_of(movement: Movement) -> Effect:
    says = (movement.order_id, movement.requested, movement.moved + movement.backordered)
    return Effect(movement.event_id, movement.product_id, says, mentions=movement.order_id)


def facts(analytics: Witness) -> Iterator[Effect]:
    for fact in analytics.lines("/effects", Fact):
        says = (fact.order_id, fact.total_amount)
        yield Effect(fact.event_id, says=says, mentions=fact.order_id)


def shipments(shipping: Witness) -> Iterator[Effect]:
    for shipment in shipping.lines("/effects", Shipment):
        says = (shipment.order_id, shipment.items)
        yield Effect(shipment.event_id, says=says, mentions=shipment.order_id)


def joined(latecomer: Witness) -> datetime | None:
    """When it began to receive: of orders from before that, it need not have heard."""
    return latecomer.get("/joined", Joined).at


def stock(inventory: Witness) -> Mapping[str, Stock]:
    return {
        product.product_id: Stock(product.initial, product.on_hand)
        for page in _pages(inventory, "/stock", ProductPage, "cursor")
        for product in page.products
    }


def _pages(witness: Witness, path: str, kind: type[Page], parameter: str) -> Iterator[Page]:
    query: dict[str, str | int] = {"limit": PAGE}
    while True:
        page = witness.get(path, kind, **query)
        yield page
        if page.next is None:
            return
        if query.get(parameter) == page.next:
            raise witness.stuck(path)
        query[parameter] = page.next
