"""Sends a text through the HTTP gateway; the event's id keeps it from going twice."""

import httpx

from services.sms.refusals import refusal
from shared.errors import DependencyUnavailable
from shared.events import Event


def text_for(event: Event) -> str:
    return f"Your order {event.order.order_id} over {event.order.total_amount:.2f} is confirmed."


def send_text(event: Event, client: httpx.Client) -> None:
    """Hand the text to the gateway; `client` knows its address, and bounds the call.

    Raises DependencyUnavailable when the gateway is away, refuses everybody, or its answer is
    lost, and Refused when it may be this text that it refuses.
    """
    try:
        answer = client.post(
            "/messages",
            json={"to": event.order.user_id, "text": text_for(event)},
            headers={"Idempotency-Key": event.id},
        )
    except (httpx.TransportError, httpx.DecodingError) as error:
        # When the answer is lost, the gateway may have taken the text. That need not be known
        # here as it has to be of a mail: the text is sent again with the same key, and the
        # gateway answers as it did the first time.
        raise DependencyUnavailable("SMS gateway", repr(error)) from error
    if not answer.is_success:
        raise refusal(answer)
