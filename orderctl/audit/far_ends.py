"""Reads orders, effects and stock from the services and the downstream systems."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from orderctl.audit.evidence_client import PAGE, EvidenceClient
from orderctl.audit.facts import Order, SeenEffect, Stock, content_of
from orderctl.audit.shapes import (
    Fact,
    Joined,
    Mail,
    MailPage,
    Movement,
    OrderPage,
    ProductPage,
    Shipment,
    TextPage,
    WholeMail,
)

#: The email service's Message-IDs are `<EVENT_ID@orders.example>`.
MESSAGE_ID_DOMAIN = "@orders.example"

#: Mailpit's list, newest first. Source: Mailpit's API, v1.
MAILS = "/api/v1/messages"
MAIL = "/api/v1/message"
#: The end of a truncated snippet.
CUT_OFF = "..."

Page = TypeVar("Page", OrderPage, TextPage, ProductPage)


def orders(order: EvidenceClient) -> Iterator[Order]:
    for page in _pages(order, "/orders", OrderPage, "cursor"):
        yield from (row.order() for row in page.orders)


def newest_order(order: EvidenceClient) -> str | None:
    page = order.get("/orders", OrderPage, limit=1)
    return page.orders[0].order_id if page.orders else None


def count_mails(server: EvidenceClient) -> int:
    return _mail_page(server, 0).total


def mails(server: EvidenceClient) -> Iterator[SeenEffect]:
    """Every email that the server accepted; a new arrival may shift the pages."""
    start = 0
    while messages := _mail_page(server, start).messages:
        yield from (_mail_effect(server, mail) for mail in messages)
        start += len(messages)


def _mail_page(server: EvidenceClient, start: int) -> MailPage:
    return server.get(MAILS, MailPage, start=start, limit=PAGE)


def _mail_effect(server: EvidenceClient, mail: Mail) -> SeenEffect:
    event_id = mail.message_id.strip("<>").removesuffix(MESSAGE_ID_DOMAIN)
    content = content_of(
        mail.sent_by(), mail.recipients(), _one_line(mail.subject), _text(server, mail)
    )
    return SeenEffect(
        event_id or f"mail {mail.id}", content=content, mentions=mail.subject, listed_as=mail.id
    )


def _text(server: EvidenceClient, mail: Mail) -> str:
    """The text in one line. Most emails are short, so the list contains all of it."""
    snippet = mail.snippet
    if snippet is None or snippet.endswith(CUT_OFF):
        snippet = server.get(f"{MAIL}/{mail.id}", WholeMail).text
    return _one_line(snippet)


def _one_line(text: str) -> str:
    """Undo the folding of headers and the wrapping of texts."""
    return " ".join(text.split())


def texts(gateway: EvidenceClient) -> Iterator[SeenEffect]:
    for page in _pages(gateway, "/messages", TextPage, "after"):
        for text in page.messages:
            event_id = text.idempotency_key or f"text {text.id}"
            yield SeenEffect(event_id, content=content_of(text.to, text.text), mentions=text.text)


def movements(inventory: EvidenceClient) -> Iterator[Movement]:
    return inventory.lines("/effects", Movement)


def facts(analytics: EvidenceClient) -> Iterator[SeenEffect]:
    for fact in analytics.lines("/effects", Fact):
        items = [each for i in fact.items for each in (i.product_id, i.quantity, i.revenue)]
        content = content_of(fact.order_id, fact.total_amount, fact.minute, *items)
        yield SeenEffect(fact.event_id, content=content, mentions=fact.order_id or "")


def shipments(shipping: EvidenceClient) -> Iterator[SeenEffect]:
    for shipment in shipping.lines("/effects", Shipment):
        content = content_of(shipment.order_id, shipment.items)
        yield SeenEffect(shipment.event_id, content=content, mentions=shipment.order_id)


def joined(latecomer: EvidenceClient) -> datetime | None:
    """When it started to receive events; earlier orders may be unknown to it."""
    return latecomer.get("/joined", Joined).at


def stock(inventory: EvidenceClient) -> Mapping[str, Stock]:
    return {
        product.product_id: Stock(product.initial, product.on_hand)
        for page in _pages(inventory, "/stock", ProductPage, "cursor")
        for product in page.products
    }


def _pages(service: EvidenceClient, path: str, kind: type[Page], parameter: str) -> Iterator[Page]:
    query: dict[str, str | int] = {"limit": PAGE}
    while True:
        page = service.get(path, kind, **query)
        yield page
        if page.next is None:
            return
        if query.get(parameter) == page.next:
            raise service.stuck(path)
        query[parameter] = page.next
