"""Stores the audit's evidence in an unnamed SQLite database on disk.

It needs a few megabytes of memory, whatever the number of orders. SQLite creates the file in
TMPDIR, or else in /var/tmp, and it disappears with the process, however that ends.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

import msgspec

from orderctl.audit import evidence_sql as sql
from orderctl.audit.facts import Answer, Content, Order, SeenEffect
from orderctl.audit.replays import ExpectedResend, split_replay

#: Kilobytes of the file that are held in memory.
CACHE = 8_000
#: The most effects that are read per order and service: more than any order should have.
MOST_FOUND = 10_000

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_END_OF_TIME = float("inf")


class FoundEffect(NamedTuple):
    """Equal effects of one order. `on_purpose`: resent by a replay with --resend."""

    event_id: str
    part: str
    content: Content
    times: int
    on_purpose: bool


class EvidenceStore:
    """Takes entries between `open_entries` and `close_entries`, which assigns them to orders."""

    def __init__(self, cache: int = CACHE) -> None:
        self._file = sqlite3.connect("")
        # The file is not needed after a crash.
        self._file.executescript(f"PRAGMA cache_size=-{cache}; PRAGMA journal_mode=OFF;")

    def open_entries(self) -> None:
        """Delete all earlier entries."""
        self._file.executescript(sql.OPEN)

    def close(self) -> None:
        self._file.close()

    def add_orders(self, orders: Iterable[Order]) -> None:
        self._file.executemany(sql.ADD_ORDER, map(_order_row, orders))

    def add_answers(self, answers: Iterable[Answer]) -> None:
        rows = ((answer.order_id, answer.event_id, answer.status) for answer in answers)
        self._file.executemany(sql.ADD_ANSWER, rows)

    def add_effects(self, service: str, effects: Iterable[SeenEffect]) -> None:
        self._file.executemany(sql.ADD_EFFECT, (_effect_row(service, effect) for effect in effects))

    def count_effects(self, service: str) -> int:
        """Only between `open_entries` and `close_entries`."""
        return self._count(sql.COUNT_EFFECTS, service)

    def close_entries(self) -> None:
        self._file.executescript(sql.CLOSE)
        unknown = self._file.execute(sql.WITHOUT_OWNER)
        owners = ((self._mentioned(text), row) for row, text in unknown)
        self._file.executemany(sql.SET_OWNER, owners)

    def _mentioned(self, text: str) -> int | None:
        """The order whose id appears in a text."""
        for word in _WORD.findall(text):
            # A full stop may be part of the id or end a sentence.
            for order_id in (word, word.rstrip("._-")):
                if row := self._file.execute(sql.FIND_ORDER, (order_id,)).fetchone():
                    return int(row[0])
        return None

    # --- replays -----------------------------------------------------------------------------

    def replays(self) -> Iterator[tuple[str, str]]:
        """The service and the id of every replay that resent something."""
        yield from self._file.execute(sql.REPLAYS)

    def allow(self, service: str, replay: str, resend: ExpectedResend) -> None:
        """Mark the effects of this replay as sent on purpose."""
        until = resend.until.timestamp() if resend.until else _END_OF_TIME
        most = -1 if resend.most is None else resend.most
        values = {"service": service, "replay": replay, "until": until, "most": most}
        self._file.execute(sql.ALLOW, values)

    # --- evidence for the judge --------------------------------------------------------------

    def orders(self, service: str) -> Iterator[tuple[Order, list[FoundEffect]]]:
        """Each order with this service's effects for it."""
        for _id, rows in groupby(self._file.execute(sql.ORDERS, (service,)), itemgetter(0)):
            lines = list(islice(rows, MOST_FOUND))
            found = [_found(*line[2:]) for line in lines if line[2] is not None]
            yield _read_order(lines[0][1]), found

    def count_orders(self, status: str) -> int:
        return self._count(sql.COUNT_ORDERS, status)

    def half_done(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Order id, status, and the services that have an effect for it."""
        for order_id, status, services in self._file.execute(sql.HALF_DONE):
            yield order_id, status, frozenset((services or "").split(","))

    def count_answers(self) -> int:
        return self._count(sql.COUNT_ANSWERS)

    def count_promised(self) -> int:
        """The number of distinct orders in the responses."""
        return self._count(sql.COUNT_PROMISED)

    def answers(self) -> Iterator[tuple[Answer, str | None]]:
        """Each distinct response, with the status of its order; None if there is no such order."""
        for *answer, status in self._file.execute(sql.ANSWERS):
            yield Answer(*answer), status

    def orphans(self, service: str) -> Iterator[str]:
        """Ids of effects without an order."""
        return self._ids(sql.ORPHANS, service)

    def on_purpose(self, service: str) -> Iterator[str]:
        return self._ids(sql.ON_PURPOSE, service)

    def repeated(self, service: str) -> Iterator[tuple[str, int]]:
        """Event ids of effects that exist more than once, and how often."""
        yield from self._file.execute(sql.REPEATED, (service,))

    def count_repeats(self, service: str) -> int:
        """The number of effects beyond the first of their kind."""
        return self._count(sql.COUNT_REPEATS, service)

    def _ids(self, query: str, service: str) -> Iterator[str]:
        return (id for (id,) in self._file.execute(query, (service,)))

    def _count(self, query: str, *values: str) -> int:
        return int(self._file.execute(query, values).fetchone()[0])


_read_order = msgspec.json.Decoder(Order).decode
_read_content = msgspec.json.Decoder(Content).decode
_json = msgspec.json.encode


def _order_row(order: Order) -> tuple[object, ...]:
    at, document = order.placed_at.timestamp(), _json(order)
    return order.order_id, order.event_id, order.status, order.is_half_done, at, document


def _effect_row(service: str, effect: SeenEffect) -> tuple[object, ...]:
    ids = (effect.event_id, *split_replay(effect.event_id))
    return service, *ids, effect.part, _json(effect.content), effect.mentions, effect.listed_as


def _found(event_id: str, part: str, content: bytes, times: int, on_purpose: int) -> FoundEffect:
    return FoundEffect(event_id, part, _read_content(content), times, bool(on_purpose))
