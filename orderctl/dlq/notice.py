"""Notifies a service of its redriven and discarded dead letters, so that journeys show them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from orderctl.errors import CommandError
from orderctl.http_client import ServiceClient
from orderctl.settings import ConsumerAddresses
from shared.events import is_id
from shared.transport import DeadLetter

#: The most events per request: MOST_AT_ONCE in shared/service/dead_letter_views.py, which cannot
#: be imported here because orderctl runs without Flask.
EVENTS_AT_ONCE = 400
#: The timeout of a notice: short, since the dead letters have already been moved.
RESPONSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Notice:
    """`step`: redriven or discarded.

    `at`: a time before the broker was asked to, so that the service's next step is a later one.
    """

    service: str
    step: str
    at: datetime
    letters: Sequence[DeadLetter]


def notify_service(
    client: httpx.Client, addresses: ConsumerAddresses, notice: Notice
) -> str | None:
    """None on success; otherwise a sentence with the cause and its effect on journeys."""
    events = list(_events(notice.letters))
    why = _why_not(client, addresses, notice, events) if events else None
    if why is None:
        return None
    # A discarded event never returns to the service, so its journey stays outdated for good.
    until = " until it handles them" if notice.step == "redriven" else " from now on"
    return (
        f"{notice.service} was not notified ({why}): its journeys show these orders as "
        f"dead-lettered{until}."
    )


def _why_not(
    client: httpx.Client,
    addresses: ConsumerAddresses,
    notice: Notice,
    events: Sequence[dict[str, str]],
) -> str | None:
    if addresses.operator_token is None:
        return "set OPERATOR_TOKEN to the service's own"
    url = addresses.find(notice.service)
    if url is None:
        return "its address is unknown"
    service = ServiceClient(client, notice.service, url, addresses.operator_token)
    try:
        for start in range(0, len(events), EVENTS_AT_ONCE):
            body = _body(notice, events[start : start + EVENTS_AT_ONCE])
            response = service.ask("POST", "/dead-letters/notice", body, again=False)
            if not response.is_success:
                return f"it responded with {response.status_code} at {url}"
    except CommandError:
        return f"it did not respond at {url}"
    return None


def _body(notice: Notice, events: Sequence[dict[str, str]]) -> dict[str, Any]:
    return {"step": notice.step, "at": notice.at.isoformat(), "events": events}


def _events(letters: Sequence[DeadLetter]) -> Iterator[dict[str, str]]:
    """The events that belong to an order; others have no journey."""
    for letter in letters:
        message = letter.message
        if is_id(message.id) and is_id(message.key):
            yield {"eventId": message.id, "orderId": message.key}
