"""Sends a text through the HTTP gateway, with the event id as idempotency key."""

from typing import Any, Protocol

import httpx

from services.sms.refusals import refusal
from shared.errors import DependencyUnavailable
from shared.events import Event


class Client(Protocol):
    """Knows the address of the gateway and the timeout."""

    def exchange(self, method: str, path: str, **options: Any) -> httpx.Response: ...


def text_for(event: Event) -> str:
    return f"Your order {event.order.order_id} for €{event.order.total_amount:.2f} is confirmed."


def send_text(event: Event, client: Client) -> None:
    """Send the text; `client` holds the address of the gateway and the timeout.

    Raises DependencyUnavailable when the gateway is down, does not respond or refuses every
    text, and Refused when the refusal may be about this text.
    """
    try:
        response = client.exchange(
            "POST",
            "/messages",
            json={"to": event.order.user_id, "text": text_for(event)},
            headers={"Idempotency-Key": event.id},
        )
    except (httpx.TransportError, httpx.DecodingError) as error:
        # The gateway may have accepted the text before the response was lost. Unlike with a
        # mail, that does not matter: the retry carries the same key, and the gateway returns
        # its first response.
        raise DependencyUnavailable("SMS gateway", repr(error)) from error
    if not response.is_success:
        raise refusal(response)
