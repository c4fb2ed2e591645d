"""The whole pipeline at work on orders that are in its outbox, with a clock beside it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from bench.errors import BenchError
from bench.orders import messages
from bench.processor import processor_seconds
from bench.testbed import BrokerKind, Testbed, wait_for
from orderctl.stack.parts import DATABASE_OF
from services.order.schema import outbox
from shared.database.bulk_insert import insert_rows
from shared.database.engine import open_database, reading, writing
from shared.transport import Message
from shop.consumers import CONSUMERS

PARTS = ("mail_sink", "sms_gateway", "order-relay", *CONSUMERS)
#: How many orders each part is done with. The slowest are named first, and asked most.
DONE: Mapping[str, str] = {
    **dict.fromkeys(CONSUMERS, "SELECT count(*) FROM inbox WHERE state = 'done'"),
    "mail_sink": "SELECT count(*) FROM mails",
    "sms_gateway": "SELECT count(*) FROM texts",
}


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """`rate`: orders per second. `costs`: microseconds of processor time per order, by process."""

    rate: float
    costs: Mapping[str, float]


class Pipeline:
    """`pids`: its processes. `engines`: the databases of its parts."""

    def __init__(self, pids: Mapping[str, int], engines: Mapping[str, Engine]) -> None:
        self._pids = pids
        self._engines = engines
        self._placed = 0

    def run(self, orders: int) -> PipelineRun:
        """The clock starts when the orders are committed; the relay may sleep for a moment then."""
        before = processor_seconds(self._pids)
        _fill_outbox(self._engines["order-relay"], orders)
        began = time.perf_counter()
        self._placed += orders
        wait_for(self._is_done, f"{orders} orders through the whole pipeline")
        seconds = time.perf_counter() - began
        self._expect_once()
        after = processor_seconds(self._pids)
        costs = {name: (after[name] - before[name]) / orders * 1e6 for name in before}
        return PipelineRun(orders / seconds, costs)

    def _is_done(self) -> bool:
        return all(self._done(part) >= self._placed for part in DONE)

    def _expect_once(self) -> None:
        """A figure of work that was lost, or done twice, would be worth nothing."""
        if odd := {part: n for part in DONE if (n := self._done(part)) != self._placed}:
            raise BenchError(f"{self._placed} orders were placed, and done: {odd}")

    def _done(self, part: str) -> int:
        with reading(self._engines[part]) as tx:
            return tx.scalar(text(DONE[part])) or 0


@contextmanager
def running(testbed: Testbed, broker: BrokerKind) -> Iterator[Pipeline]:
    """Every part but the order service, which would have nothing to do."""
    with testbed.stack(f"pipeline_{broker.lower()}", broker=broker) as stack, ExitStack() as exit:
        for part in PARTS:
            stack.start(part)
        stack.wait_ready(PARTS)
        pids = {part: stack.process(part).pid for part in PARTS}
        engines = {}
        for part in PARTS:
            url = stack.plan.database_urls(DATABASE_OF.get(part, part))
            engines[part] = open_database(url, pool_size=1)
            exit.callback(engines[part].dispose)
        yield Pipeline({**pids, **testbed.server_pids(broker)}, engines)


def _fill_outbox(engine: Engine, orders: int) -> None:
    rows = list(map(_row, messages(orders)))
    with writing(engine) as tx:
        insert_rows(tx, outbox, rows)


def _row(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "aggregatetype": "order",
        "aggregateid": message.key,
        "type": message.type,
        "payload": message.body.decode(),
        "headers": "{}",
        "created_at": datetime.fromisoformat(message.time),
    }
