"""What each service should have done for an order, in the words of its far end.

Written down a second time on purpose: with the services' own code, their faults would be expected.
"""

from collections import Counter

from orderctl.audit.facts import Order, Said, SeenEffect, said

SENDER = "confirmations@orders.example"


def expected_effects(service: str, order: Order) -> Counter[SeenEffect]:
    """Exactly what a service should have done for an order."""
    if service == "inventory":
        return Counter(
            SeenEffect(order.event_id, product, said(order.order_id, quantity, quantity))
            for product, quantity in order.quantities.items()
        )
    says = {"email": mail, "sms": text, "analytics": fact, "shipping": shipment}
    return Counter([SeenEffect(order.event_id, says=says[service](order))])


def mail(order: Order) -> Said:
    """Sender, recipients, subject, and the text in one line."""
    items = [
        f"{item.quantity} x {item.product_id} at {item.price:.2f} = {item.total:.2f}"
        for item in order.items
    ]
    thanks, total = f"Thank you for your order {order.order_id}:", f"Total: EUR {order.total:.2f}"
    recipient, subject = f"{order.user_id}@example.com", f"Your order {order.order_id}"
    return said(SENDER, recipient, subject, " ".join([thanks, *items, total]))


def text(order: Order) -> Said:
    """Recipient and text."""
    words = f"Your order {order.order_id} for €{order.total:.2f} is confirmed."
    return said(order.user_id, words)


def fact(order: Order) -> Said:
    """Order, total, minute, and product, quantity and revenue of each item."""
    minute = int(order.placed_at.timestamp()) // 60
    facts = [fact for item in order.items for fact in (item.product_id, item.quantity, item.total)]
    return said(order.order_id, order.total, minute, *facts)


def shipment(order: Order) -> Said:
    """Order and pieces, of all products together."""
    return said(order.order_id, sum(order.quantities.values()))
