"""Keeps the records of a consumer in bounds, without forgetting what may still come again.

An inbox row is what makes a repeated event harmless, so it has to outlive every copy of its
event: those in the work queue and those among the dead letters.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Delete, Engine, Table, Update, and_, delete, or_, select

from shared.consuming.inbox import DONE
from shared.consuming.inbox_retention import note_forgotten
from shared.consuming.tables import Tables
from shared.database.engine import open_database, reading, writing
from shared.errors import BrokerUnavailable, ContractError, DatabaseUnavailable, PruneRefused
from shared.events import parse_time
from shared.observability import configure_logging
from shared.settings import PruneConsumerSettings
from shared.shifted_times import shifted
from shared.transport import Broker, DeadLetter, connect, kept_days

#: Rows in one transaction: short enough that no consumer waits for long.
BATCH = 5_000

Clock = Callable[[], datetime]

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_prune(service: str, settings: PruneConsumerSettings, tables: Tables, starts: Table) -> None:
    """The prune step of a consumer. Ends with status 1 and a sentence when it cannot go on.

    Without the broker, or with a dead letter of unknown age, nothing is pruned. When the database
    goes away in between, the batches that were committed are gone; the next run does the rest.
    """
    configure_logging(service)
    expect_longer_memory(settings)
    broker = connect(settings.broker_url, settings.retry_ladder)
    engine = open_database(settings.database_url)
    keep = timedelta(days=settings.keep_days)
    try:
        prune_consumer(engine, tables, starts, read_dead_letters(broker, service), keep=keep)
    except (BrokerUnavailable, DatabaseUnavailable, PruneRefused) as error:
        sys.exit(f"{service}: the prune did not end, run it again later: {error}")
    finally:
        engine.dispose()


def expect_longer_memory(settings: PruneConsumerSettings) -> None:
    """End with a sentence when the broker keeps events for longer than they are remembered.

    A group whose position Kafka has forgotten begins with the oldest event that is there.
    """
    kept = kept_days(settings.broker_url)
    if settings.keep_days < kept:
        sys.exit(
            f"The broker keeps events for up to {kept:.1f} days, and KEEP_DAYS is "
            f"{settings.keep_days}: set it to {math.ceil(kept)} or more, or an event that is read "
            "again would be applied again. Nothing was pruned."
        )


def read_dead_letters(broker: Broker, service: str) -> Iterator[DeadLetter]:
    """All dead letters of a service, read one by one. Raises BrokerUnavailable, also for a
    missing queue.
    """
    # Asked first: the embedded broker shows an undeclared queue as one without dead letters.
    broker.depth(service)
    return broker.dead_letters(service).scan()


def prune_consumer(
    engine: Engine,
    tables: Tables,
    starts: Table,
    dead: Iterable[DeadLetter],
    *,
    keep: timedelta,
    clock: Clock = utc_now,
) -> dict[str, int]:
    """Delete what is older than the cutoff; return how many rows went, by table.

    Raises PruneRefused and DatabaseUnavailable.
    """
    now = clock()
    oldest, dead_letters = _oldest(dead, now)
    cutoff = find_cutoff(engine, tables.inbox, oldest, now=now, keep=keep)
    with writing(engine) as tx:
        # First: a replay of events that are older must never take them for new.
        note_forgotten(tx, tables.inbox, cutoff)
    counts = {
        "history": delete_in_batches(engine, tables.history, tables.history.c.at < cutoff),
        "inbox": delete_in_batches(engine, tables.inbox, _is_over(tables, cutoff, now)),
        "starts": delete_in_batches(engine, starts, starts.c.started_at < cutoff),
    }
    log.info("prune.done", cutoff=cutoff.isoformat(), dead_letters=dead_letters, **counts)
    return counts


def _oldest(dead: Iterable[DeadLetter], now: datetime) -> tuple[datetime, int]:
    """The time of the oldest event among them, at most now, and how many there are.

    Raises PruneRefused.
    """
    oldest, many = now, 0
    for letter in dead:
        oldest, many = min(oldest, _time_of(letter)), many + 1
    return oldest, many


def find_cutoff(
    engine: Engine, inbox: Table, oldest: datetime, *, now: datetime, keep: timedelta
) -> datetime:
    """What happened before this moment cannot come again; `oldest` is of the dead letters.

    It counts from the service's own progress, not from the clock on the wall: after a long
    outage the queue holds events as old as what was applied last.
    """
    newest = select(inbox.c.event_time).where(inbox.c.state == DONE).order_by(inbox.c.at.desc())
    with reading(engine) as tx:
        progress = tx.scalar(newest.limit(1)) or now
    return min(shifted(min(now, progress), -keep), oldest)


def _time_of(letter: DeadLetter) -> datetime:
    try:
        return parse_time(letter.message.time)
    except ContractError as error:
        raise PruneRefused(
            f"the age of dead letter {letter.handle} is unknown, redrive or discard it: {error}"
        ) from error


def _is_over(tables: Tables, cutoff: datetime, now: datetime) -> ColumnElement[bool]:
    inbox, history = tables.inbox, tables.history
    # What was retried, redriven or given up lately may be on its way, however old it is.
    stirring = select(history.c.event_id).where(history.c.at >= cutoff)
    return and_(
        inbox.c.event_time < cutoff,
        # A replay sends old events again: its rows are new, however old the events.
        inbox.c.at < cutoff,
        or_(inbox.c.state == DONE, inbox.c.lease_until <= now.timestamp()),
        inbox.c.event_id.not_in(stirring),
    )


def delete_in_batches(
    engine: Engine, table: Table, condition: ColumnElement[bool], *, batch: int = BATCH
) -> int:
    """Delete the rows, a batch in each transaction; return how many there were.

    Raises DatabaseUnavailable; then some of the batches may have been deleted.
    """
    [key] = table.primary_key.columns
    some = select(key).where(condition).limit(batch)
    # The condition stands twice: a lease may be taken between the search and the deletion.
    return in_batches(engine, delete(table).where(key.in_(some), condition))


def in_batches(engine: Engine, statement: Delete | Update) -> int:
    """Run a statement, which takes a bounded number of rows, until none is left."""
    total = 0
    while count := _run_once(engine, statement):
        total += count
    return total


def _run_once(engine: Engine, statement: Delete | Update) -> int:
    with writing(engine) as tx:
        return tx.execute(statement).rowcount
