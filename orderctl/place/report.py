"""The output of `orderctl place`."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.output import count, printable, seconds, table
from orderctl.place.order_client import Placed
from orderctl.place.schedule import Placing

STATUS_WORDS: Mapping[int, str] = {
    httpx.codes.ACCEPTED: "accepted",
    httpx.codes.CREATED: "completed",
}
#: The most orders that are listed one by one; of more, only the summary is shown.
ORDERS_SHOWN = 25


def print_placing(placing: Placing, screen: Console) -> None:
    if placing.placed and len(placing.placed) <= ORDERS_SHOWN:
        screen.print(_table(placing.placed))
    for reason, times in Counter(placing.failures).items():
        screen.print(Text(f"{count(times, 'order')} failed: {printable(reason)}", style="red"))
    screen.print(Text(summary(placing)))


def _table(orders: Sequence[Placed]) -> Table:
    made = table("order", "total", "response", "sent", numbers=("total", "response"))
    for order in orders:
        sent = "once" if order.attempts == 1 else f"{order.attempts} times"
        # EUR and not €, which a terminal may not be able to show.
        total = f"EUR {order.total:,.2f}"
        made.add_row(order.order_id, total, seconds(order.seconds), sent)
    return made


def summary(placing: Placing) -> str:
    if not placing.placed:
        return "No order was placed."
    times = response_times(placing.placed)
    return (
        f"{_counts(placing.placed)}; response time "
        f"{seconds(times['median'])} (median), {seconds(times['max'])} at most."
    )


def _counts(orders: Sequence[Placed]) -> str:
    """`3 orders accepted`; a synchronous order is completed instead."""
    counts = Counter(STATUS_WORDS[order.status] for order in orders)
    return ", ".join(f"{count(number, 'order')} {word}" for word, number in counts.items())


def response_times(orders: Sequence[Placed]) -> dict[str, float]:
    """Seconds: the median, the 95th percentile, the longest."""
    times = sorted(order.seconds for order in orders)
    return {
        "median": statistics.median(times),
        "p95": times[min(len(times) - 1, int(len(times) * 0.95))],
        "max": times[-1],
    }


def document(placing: Placing) -> dict[str, Any]:
    times = response_times(placing.placed) if placing.placed else {}
    return {
        "accepted": len(placing.placed),
        "failed": len(placing.failures),
        "ordersPerSecond": round(placing.rate, 2),
        "responseMs": {name: _milliseconds(value) for name, value in times.items()},
        "orders": [
            {
                "orderId": order.order_id,
                "totalAmount": order.total,
                "responseMs": _milliseconds(order.seconds),
                "attempts": order.attempts,
            }
            for order in placing.placed
        ],
        "failures": placing.failures,
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
