"""What `place` says about the orders that it placed."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.output import count, printable, seconds, table
from orderctl.place.order_client import Placed
from orderctl.place.schedule import Placing

#: So many orders are shown one by one; of more, only the sum.
ORDERS_SHOWN = 25


def print_placing(placing: Placing, screen: Console) -> None:
    if placing.placed and len(placing.placed) <= ORDERS_SHOWN:
        screen.print(_table(placing.placed))
    for reason, times in Counter(placing.failures).items():
        screen.print(Text(f"{count(times, 'order')} failed: {printable(reason)}", style="red"))
    screen.print(Text(summary(placing)))


def _table(orders: Sequence[Placed]) -> Table:
    made = table("order", "total", "answered in", "sent", numbers=("total", "answered in"))
    for order in orders:
        sent = "once" if order.attempts == 1 else f"{order.attempts} times"
        made.add_row(order.order_id, f"{order.total:,.2f}", seconds(order.seconds), sent)
    return made


def summary(placing: Placing) -> str:
    if not placing.placed:
        return "No order was accepted."
    times = response_times(placing.placed)
    return (
        f"{count(len(placing.placed), 'order')} accepted, answered in "
        f"{seconds(times['median'])} (median), and {seconds(times['max'])} at most."
    )


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
