"""Sends a text through the HTTP gateway; the event's id keeps it from going twice."""

import httpx

from shared.errors import DependencyUnavailable, PermanentError
from shared.events import Event

#: Too many requests, and what a gateway or a proxy before it answers while it is away.
AWAY = frozenset({429, 502, 503, 504})


def text_for(event: Event) -> str:
    return f"Your order {event.order.order_id} over {event.order.total_amount:.2f} is confirmed."


def send_text(event: Event, client: httpx.Client) -> None:
    """Hand the text to the gateway; `client` knows its address.

    Raises DependencyUnavailable when the gateway is away or its answer is lost,
    PermanentError when it refuses this text for good, and httpx.HTTPStatusError for any other
    answer than success, for which trying again later is right.
    """
    try:
        answer = client.post(
            "/messages",
            json={"to": event.order.user_id, "text": text_for(event)},
            headers={"Idempotency-Key": event.id},
        )
    except httpx.TransportError as error:
        # When the answer is lost, the gateway may have taken the text. It is sent again with
        # the same key, and the gateway answers as it did the first time.
        raise DependencyUnavailable("SMS gateway", repr(error)) from error
    if answer.status_code in AWAY:
        raise DependencyUnavailable("SMS gateway", f"it answered {answer.status_code}")
    if answer.is_client_error:
        raise PermanentError(f"the SMS gateway refused: {answer.status_code} {answer.text[:500]}")
    answer.raise_for_status()
