"""Tells a service what was done to its dead letters at the broker, so that journeys are right."""

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

#: So many does a service take at once: MOST_AT_ONCE in shared/service/dead_letter_views.py, which
#: cannot be imported here, where no Flask is.
EVENTS_AT_ONCE = 400
#: For the client that a service is told with: nobody waits long for somebody to take note.
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Notice:
    """`step`: redriven or discarded. `at`: a time before the broker was told, so that whatever
    the service does with an event afterwards counts as later.
    """

    service: str
    step: str
    at: datetime
    letters: Sequence[DeadLetter]


def tell_service(client: httpx.Client, addresses: ConsumerAddresses, notice: Notice) -> str | None:
    """None when the service knows; else a sentence that says what its journeys show, and why."""
    events = list(_events(notice.letters))
    why = _why_not(client, addresses, notice, events) if events else None
    if why is None:
        return None
    # A discarded event never comes back to the service, so it never finds out by itself.
    until = " until it handles them" if notice.step == "redriven" else " from now on"
    return (
        f"{notice.service} was not told ({why}): its journeys show these orders as "
        f"dead-lettered{until}."
    )


def _why_not(
    client: httpx.Client,
    addresses: ConsumerAddresses,
    notice: Notice,
    events: Sequence[dict[str, str]],
) -> str | None:
    if addresses.operator_token is None:
        return "set OPERATOR_TOKEN to the one that it was started with"
    url = addresses.find(notice.service)
    if url is None:
        return "orderctl knows no address of it"
    service = ServiceClient(client, notice.service, url, addresses.operator_token)
    try:
        for start in range(0, len(events), EVENTS_AT_ONCE):
            body = _body(notice, events[start : start + EVENTS_AT_ONCE])
            response = service.ask("POST", "/dead-letters/notice", body, again=False)
            if not response.is_success:
                return f"it answers {response.status_code} at {url}"
    except CommandError:
        return f"it does not answer at {url}"
    return None


def _body(notice: Notice, events: Sequence[dict[str, str]]) -> dict[str, Any]:
    return {"step": notice.step, "at": notice.at.isoformat(), "events": events}


def _events(letters: Sequence[DeadLetter]) -> Iterator[dict[str, str]]:
    """Those that belong to an order; nobody can ask for the others."""
    for letter in letters:
        message = letter.message
        if is_id(message.id) and is_id(message.key):
            yield {"eventId": message.id, "orderId": message.key}
