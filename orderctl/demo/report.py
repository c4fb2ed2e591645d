"""The demo's output: a table with one row per order, and a comparison in one line."""

import statistics
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from orderctl.demo.latecomer import Latecomer
from orderctl.demo.timeline import TimelineRow
from orderctl.output import seconds, table
from orderctl.stack.parts import WORK_TIMES
from shop.consumers import CONSUMERS

#: The most orders that are shown; of more, the first and the last.
ROWS_SHOWN = 30


def timeline_table(rows: Sequence[TimelineRow]) -> Table:
    columns = ("response", *CONSUMERS)
    made = table("order", *columns, numbers=columns)
    # Ids are long: on a narrow terminal, truncate them rather than the times.
    made.columns[0].overflow = "ellipsis"
    for row in _shown(rows):
        made.add_row(*_cells(row) if row else ["…"] * (1 + len(columns)))
    return made


def _shown(rows: Sequence[TimelineRow]) -> Sequence[TimelineRow | None]:
    if len(rows) <= ROWS_SHOWN:
        return rows
    half = ROWS_SHOWN // 2
    return [*rows[:half], None, *rows[-half:]]


def _cells(row: TimelineRow) -> list[Text]:
    times = [row.seconds.get(service) for service in CONSUMERS]
    effects = ["not yet" if time is None else f"+{seconds(time)}" for time in times]
    return [Text(cell) for cell in (row.placed.order_id, seconds(row.placed.seconds), *effects)]


def latecomer_table(latecomer: Latecomer) -> Table:
    numbers = ("orders", "shipments")
    made = table("after", *numbers, "because", numbers=numbers)
    for moment in latecomer.moments:
        row = (moment.when, f"{moment.orders:,}", f"{moment.shipments:,}", moment.why)
        made.add_row(*(Text(cell) for cell in row))
    return made


def comparison(rows: Sequence[TimelineRow]) -> str:
    """One line: how long customers waited, and how long synchronous calls would have taken."""
    if not rows:
        return "No order was accepted."
    times = [row.placed.seconds for row in rows]
    summands = " + ".join(f"{time:g}" for time in WORK_TIMES.values() if time)
    return (
        f"With one call after another, each customer would have waited "
        f"{summands} = {sum(WORK_TIMES.values()):g} s. Here they waited "
        f"{seconds(statistics.median(times))} (median), {seconds(max(times))} at most."
    )


def document(rows: Sequence[TimelineRow]) -> list[dict[str, Any]]:
    """Milliseconds: `responseMs` of the order, `effectsMs` from its response to each effect."""
    return [
        {
            "orderId": row.placed.order_id,
            "totalAmount": row.placed.total,
            "responseMs": round(row.placed.seconds * 1000, 1),
            "effectsMs": {name: round(time * 1000) for name, time in row.seconds.items()},
        }
        for row in rows
    ]
