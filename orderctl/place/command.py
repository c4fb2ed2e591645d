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
    number: Annotated[int, typer.Option("--count", min=1, help="How many orders.")] = 1,
    rate: Annotated[
        float, typer.Option(min=0.01, help="Orders a second, whether or not one is answered.")
    ] = 10.0,
    url: Annotated[
        str | None, typer.Option(help="Where the order service is; ORDER_URL by default.")
    ] = None,
    accepted: Annotated[
        Path | None, typer.Option(help="Write each answer to this ledger, for the audit.")
    ] = None,
    product: Annotated[str | None, typer.Option(help="This product, instead of any.")] = None,
    quantity: Annotated[int | None, typer.Option(min=1, help="So many pieces.")] = None,
    price: Annotated[
        Decimal | None, typer.Option(parser=_money, help="The price of a piece, as 49.99.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="For this customer, instead of any.")] = None,
    mode: Annotated[
        Literal["sync", "parallel", "async"] | None,
        typer.Option(
            help="In turn by calls, by calls at once, or by an event; else as the shop does."
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds to try for while nobody answers.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Place orders and show how fast they are answered.

    Each has an idempotency key: sent again after a 503 or a lost connection, it is the same
    order. With --accepted, every answer is on the disk before the next thing happens, so that
    the audit can tell a lost order from one that was never accepted.

    Examples:

    orderctl place

    orderctl place --count 100 --rate 50 --accepted accepted.ndjson

    orderctl place --product prod-456 --quantity 2 --price 49.99 --user usr-123

    orderctl place --mode sync    # the customer waits for every service
    """
    wish = BasketTemplate(product, quantity, price, user)

    def run() -> int:
        address = url or load(OrderAddress).order_url
        orders = baskets(wish, random.Random())
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
