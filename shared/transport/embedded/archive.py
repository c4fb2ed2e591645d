"""Reads the events stored in the embedded broker, including those in no queue any more."""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from shared.transport.archive import Offset, Point, Span, Stored, bare
from shared.transport.embedded import sql
from shared.transport.embedded.connection import Store
from shared.transport.embedded.rows import to_message

#: Events read at a time. No transaction is open while the caller processes them.
PAGE = 500


class EmbeddedArchive:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, span: Span) -> Generator[Stored, None, None]:
        bounds = {**_bounds("first", bare(span.start)), **_bounds("past", bare(span.end))}
        with Store(self._path) as store:
            bounds["last"] = _newest(store)
            while page := _page(store, bounds):
                yield from page
                bounds["first"] = int(page[-1].position) + 1


def _bounds(name: str, point: Point | None) -> dict[str, float | int | None]:
    number = point.number if isinstance(point, Offset) else None
    time = point.timestamp() if isinstance(point, datetime) else None
    return {name: number, f"{name}_at": time}


def _newest(store: Store) -> int:
    with store.reading() as file:
        return int(file.execute(sql.NEWEST).fetchone()[0])


def _page(store: Store, bounds: dict[str, float | int | None]) -> list[Stored]:
    with store.reading() as file:
        rows = file.execute(sql.STORED, {**bounds, "limit": PAGE}).fetchall()
    return [
        Stored(str(number), datetime.fromtimestamp(at, UTC), to_message(message))
        for number, at, *message in rows
    ]
