"""Asks the order service about one order."""

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


def ask_about(client: httpx.Client, url: str, order_id: str, of_it: str = "") -> httpx.Response:
    """What it answers, a 404 included. `of_it` is what is wanted, as /journey; "" is the order.

    Raises CommandError.
    """
    start = f"start it ({command('demo --keep')} starts everything)"
    order = ServiceClient(client, "The order service", url, setting=SETTING, start=start)
    response = order.ask("GET", f"/orders/{quote(order_id, safe='')}{of_it}")
    if response.is_success or response.status_code == httpx.codes.NOT_FOUND:
        return response
    raise CommandError(
        f"The order service at {url} answers {response.status_code}: "
        f"{command('doctor')} says what is wrong."
    )


def read_answer(content: bytes, kind: type[T], url: str) -> T:
    """Raises CommandError for what the order service would not answer."""
    try:
        return read_document(content, kind)
    except DocumentError as error:
        raise not_this_service("the order service", url, SETTING, error) from error
