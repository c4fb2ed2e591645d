"""`orderctl journey`"""

from typing import Annotated

import httpx
import msgspec
import typer

from orderctl.errors import CommandError
from orderctl.http_client import open_client
from orderctl.journey.report import Journey, print_journey
from orderctl.order_service import read_answer, request_order
from orderctl.output import console, end, print_json
from orderctl.settings import OrderAddress
from shared.settings import load


def journey(
    order_id: Annotated[str, typer.Argument(help="An order id from place.")],
    url: Annotated[
        str | None, typer.Option(help="The order service's address; default: ORDER_URL.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show the state of an order at each service, and when it was reached.

    Examples:

    orderctl journey ord-3f9c1a2b7d4e

    orderctl journey ord-3f9c1a2b7d4e --json
    """

    def run() -> int:
        address = url or load(OrderAddress).order_url
        with open_client() as client:
            answer = ask(client, address, order_id)
        found = read(answer, address)
        # The response as it was, including fields that a newer service may have added.
        print_json(msgspec.Raw(answer)) if as_json else print_journey(found, console())
        return 0

    end(run, as_json=as_json)


def ask(client: httpx.Client, url: str, order_id: str) -> bytes:
    """The order service's response. Raises CommandError."""
    response = request_order(client, url, order_id, "/journey")
    if response.status_code == httpx.codes.NOT_FOUND:
        raise CommandError(
            f"The order service at {url} has no order {order_id}: check the id, and check that "
            "ORDER_URL is the service where the order was placed."
        )
    return response.content


def read(answer: bytes, url: str) -> Journey:
    """Decode a journey. Raises CommandError if it is not one."""
    return read_answer(answer, Journey, url)
