"""What the demo shows: a row an order, and one line that compares."""

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

#: So many orders are shown; of more, the first and the last.
ROWS_SHOWN = 30


def timeline_table(rows: Sequence[TimelineRow]) -> Table:
    columns = ("answered in", *CONSUMERS)
    made = table("order", *columns, numbers=columns)
    # Ids are long: on a narrow terminal, the times matter more than their ends.
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
    """One line: what customers waited for, and what they would have waited for."""
    if not rows:
        return "No order was accepted."
    times = [row.placed.seconds for row in rows]
    summands = " + ".join(f"{time:g}" for time in WORK_TIMES.values() if time)
    return (
        f"Calling the services in turn, each customer would have waited "
        f"{summands} = {sum(WORK_TIMES.values()):g} s. Here they waited "
        f"{seconds(statistics.median(times))} (median), and {seconds(max(times))} at most."
    )


def document(rows: Sequence[TimelineRow]) -> list[dict[str, Any]]:
    """Milliseconds: `responseMs` of the order, `effectsMs` from its answer to each effect."""
    return [
        {
            "orderId": row.placed.order_id,
            "totalAmount": row.placed.total,
            "responseMs": round(row.placed.seconds * 1000, 1),
            "effectsMs": {name: round(time * 1000) for name, time in row.seconds.items()},
        }
        for row in rows
    ]
