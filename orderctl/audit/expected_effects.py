"""The expected effects of an order, as the downstream systems should show them.

This deliberately repeats the services' logic: with their own code, their bugs would be expected.
"""

from collections import Counter

from orderctl.audit.facts import Content, Order, SeenEffect, content_of

SENDER = "confirmations@orders.example"


def expected_effects(service: str, order: Order) -> Counter[SeenEffect]:
    """The exact effects that a service should have for an order."""
    if service == "inventory":
        return Counter(
            SeenEffect(order.event_id, product, content_of(order.order_id, quantity, quantity))
            for product, quantity in order.quantities.items()
        )
    content = {"email": mail, "sms": text, "analytics": fact, "shipping": shipment}
    return Counter([SeenEffect(order.event_id, content=content[service](order))])


def mail(order: Order) -> Content:
    """Sender, recipient, subject, and the text in one line."""
    items = [
        f"{item.quantity} x {item.product_id} at {item.price:.2f} = {item.total:.2f}"
        for item in order.items
    ]
    thanks, total = f"Thank you for your order {order.order_id}:", f"Total: EUR {order.total:.2f}"
    recipient, subject = f"{order.user_id}@example.com", f"Your order {order.order_id}"
    return content_of(SENDER, recipient, subject, " ".join([thanks, *items, total]))


def text(order: Order) -> Content:
    """Recipient and text."""
    words = f"Your order {order.order_id} for €{order.total:.2f} is confirmed."
    return content_of(order.user_id, words)


def fact(order: Order) -> Content:
    """Order, total, minute since 1970, and product, quantity and revenue of each item."""
    minute = int(order.placed_at.timestamp()) // 60
    facts = [fact for item in order.items for fact in (item.product_id, item.quantity, item.total)]
    return content_of(order.order_id, order.total, minute, *facts)


def shipment(order: Order) -> Content:
    """Order and number of pieces, all products together."""
    return content_of(order.order_id, sum(order.quantities.values()))
