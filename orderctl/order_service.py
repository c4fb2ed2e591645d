"""Requests one order, or a view of it, from the order service."""

from typing import TypeVar
from urllib.parse import quote

import httpx

from orderctl.errors import CommandError
from orderctl.http_client import ServiceClient, not_this_service
from orderctl.output import command
from shared.errors import DocumentError
from shared.http.documents import read_document

SETTING = "ORDER_URL"
T = TypeVar("T")


def request_order(client: httpx.Client, url: str, order_id: str, view: str = "") -> httpx.Response:
    """The response, which is a success or a 404. `view` is a path such as /journey.

    Raises CommandError.
    """
    start = f"start it ({command('demo --keep')} starts everything)"
    order = ServiceClient(client, "The order service", url, setting=SETTING, start=start)
    response = order.ask("GET", f"/orders/{quote(order_id, safe='')}{view}")
    if response.is_success or response.status_code == httpx.codes.NOT_FOUND:
        return response
    raise CommandError(
        f"The order service at {url} responded with {response.status_code}: "
        f"run {command('doctor')} to find the cause."
    )


def read_answer(content: bytes, kind: type[T], url: str) -> T:
    """The decoded body. Raises CommandError if the order service cannot have sent it."""
    try:
        return read_document(content, kind)
    except DocumentError as error:
        raise not_this_service("the order service", url, SETTING, error) from error
