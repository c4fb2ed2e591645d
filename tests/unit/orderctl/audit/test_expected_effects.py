"""The effects that the audit expects equal the ones that the services produce."""

from datetime import UTC, datetime

from hypothesis import given, settings

from orderctl.audit.expected_effects import expected_effects
from orderctl.audit.facts import Item, Order, SeenEffect
from services.email.handler import confirmation
from services.sms.handler import text_for
from shared.events import Event, OrderPlaced
from tests.unit.shared.test_events import orders

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def as_a_row(event: Event) -> Order:
    placed = event.order
    items = tuple(Item(item.product_id, item.quantity, item.price) for item in placed.items)
    return Order(placed.order_id, event.id, placed.user_id, items, placed.total_amount, event.time)


def expected(service: str, event: Event) -> SeenEffect:
    [effect] = expected_effects(service, as_a_row(event))
    return effect


@settings(deadline=None)
@given(orders())
def test_it_expects_the_mail_that_the_email_service_writes(order: OrderPlaced) -> None:
    event = Event(id="event-1", time=AT, order=order)
    mail = confirmation(event)
    text = " ".join(str(mail.get_payload()).split())
    recipient = mail["To"].replace('"', "")
    assert expected("email", event).content == (mail["From"], recipient, mail["Subject"], text)


@settings(deadline=None)
@given(orders())
def test_it_expects_the_text_that_the_sms_service_writes(order: OrderPlaced) -> None:
    event = Event(id="event-1", time=AT, order=order)
    assert expected("sms", event).content == (order.user_id, text_for(event))
