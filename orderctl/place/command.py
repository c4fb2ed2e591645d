"""`orderctl place`"""

import random
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import typer

from orderctl.audit.ledger import Ledger
from orderctl.http_client import open_client
from orderctl.output import console, end, print_json
from orderctl.place.baskets import Basket, BasketTemplate, baskets
from orderctl.place.order_client import OrderClient
from orderctl.place.report import document, print_placing
from orderctl.place.schedule import Placing, place_orders
from orderctl.progress import progress
from orderctl.settings import OrderAddress
from shared.settings import load


def _money(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text} is not an amount such as 49.99") from None


def place(
    number: Annotated[int, typer.Option("--count", min=1, help="Number of orders.")] = 1,
    rate: Annotated[
        float, typer.Option(min=0.01, help="Orders per second, whatever the response times.")
    ] = 10.0,
    url: Annotated[
        str | None, typer.Option(help="The order service's address; default: ORDER_URL.")
    ] = None,
    accepted: Annotated[
        Path | None, typer.Option(help="Append each response to this ledger, for the audit.")
    ] = None,
    product: Annotated[
        str | None, typer.Option(help="Order this product; default: random.")
    ] = None,
    quantity: Annotated[
        int | None, typer.Option(min=1, help="The quantity of each product.")
    ] = None,
    price: Annotated[
        Decimal | None, typer.Option(parser=_money, help="The price per piece, such as 49.99.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="The customer; default: random.")] = None,
    mode: Annotated[
        Literal["sync", "parallel", "async"] | None,
        typer.Option(
            help="One call after another, all calls at once, or an event; default: the shop's."
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="How long to retry each order, in seconds.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Place orders and show the response times.

    Each order has an idempotency key, so a retry after a 503 or a lost connection does not place
    it twice. With --accepted, each response is written to disk at once, so that the audit can
    tell a lost order from one that was never accepted.

    Examples:

    orderctl place

    orderctl place --count 100 --rate 50 --accepted accepted.ndjson

    orderctl place --product prod-456 --quantity 2 --price 49.99 --user usr-123

    orderctl place --mode sync    # the customer waits for every service
    """
    template = BasketTemplate(product, quantity, price, user)

    def run() -> int:
        address = url or load(OrderAddress).order_url
        orders = baskets(template, random.Random())
        with open_client() as http:
            client = OrderClient(http, address, patience=patience, mode=mode)
            placing = _place(client, orders, number, rate, accepted)
        print_json(document(placing)) if as_json else print_placing(placing, console())
        return 1 if placing.failures else 0

    end(run, as_json=as_json)


def _place(
    client: OrderClient, orders: Iterator[Basket], number: int, rate: float, accepted: Path | None
) -> Placing:
    ledger = Ledger(accepted) if accepted else None
    with ledger or nullcontext(), progress() as tell:
        return place_orders(
            client,
            orders,
            count=number,
            rate=rate,
            ledger=ledger,
            tell=lambda sent: tell(f"placing orders: {sent:,} of {number:,}"),
        )
