"""Deletes old records of a consumer, except those of events that may still be redelivered.

An inbox row makes a repeated event harmless, so it has to outlive every copy of its event, in the
work queue and among the dead letters.
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

#: Rows in one transaction: few enough that no consumer waits for long.
BATCH = 5_000

Clock = Callable[[], datetime]

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_prune(service: str, settings: PruneConsumerSettings, tables: Tables, starts: Table) -> None:
    """The prune step of a consumer. Exits with status 1 and a message when it cannot continue.

    Prunes nothing if the broker is unavailable or the age of a dead letter is unknown. If the
    database becomes unavailable, committed batches stay deleted; the next run does the rest.
    """
    configure_logging(service)
    expect_longer_retention(settings)
    broker = connect(settings.broker_url, settings.retry_ladder)
    engine = open_database(settings.database_url)
    keep = timedelta(days=settings.keep_days)
    try:
        prune_consumer(engine, tables, starts, read_dead_letters(broker, service), keep=keep)
    except (BrokerUnavailable, DatabaseUnavailable, PruneRefused) as error:
        sys.exit(f"{service}: the prune did not finish, run it again later: {error}")
    finally:
        engine.dispose()


def expect_longer_retention(settings: PruneConsumerSettings) -> None:
    """Exit with a message if the broker keeps events for longer than the inbox keeps its rows.

    A consumer group whose offsets Kafka has deleted starts with the oldest event in the topic.
    """
    kept = kept_days(settings.broker_url)
    if settings.keep_days < kept:
        sys.exit(
            f"The broker keeps events for up to {kept:.1f} days, but KEEP_DAYS is "
            f"{settings.keep_days}: set it to {math.ceil(kept)} or more. Otherwise an event that "
            "is read again would be applied again. Nothing was pruned."
        )


def read_dead_letters(broker: Broker, service: str) -> Iterator[DeadLetter]:
    """All dead letters of a service, one by one.

    Raises BrokerUnavailable, also if the queue does not exist.
    """
    # Checks that the queue exists: for an undeclared one, the embedded broker's scan is empty.
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
    """Delete rows older than the cutoff; return the number of deleted rows by table.

    Raises PruneRefused and DatabaseUnavailable.
    """
    now = clock()
    oldest, dead_letters = _oldest(dead, now)
    cutoff = find_cutoff(engine, tables.inbox, oldest, now=now, keep=keep)
    with writing(engine) as tx:
        # First, so that a replay never takes older events for new ones.
        note_forgotten(tx, tables.inbox, cutoff)
    counts = {
        "history": delete_in_batches(engine, tables.history, tables.history.c.at < cutoff),
        "inbox": delete_in_batches(engine, tables.inbox, _is_over(tables, cutoff, now)),
        "starts": delete_in_batches(engine, starts, starts.c.started_at < cutoff),
    }
    log.info("prune.done", cutoff=cutoff.isoformat(), dead_letters=dead_letters, **counts)
    return counts


def _oldest(dead: Iterable[DeadLetter], now: datetime) -> tuple[datetime, int]:
    """The time of the oldest event among the dead letters, at most now, and their number.

    Raises PruneRefused.
    """
    oldest, many = now, 0
    for letter in dead:
        oldest, many = min(oldest, _time_of(letter)), many + 1
    return oldest, many


def find_cutoff(
    engine: Engine, inbox: Table, oldest: datetime, *, now: datetime, keep: timedelta
) -> datetime:
    """The time before which no event can be redelivered. `oldest`: of the dead letters.

    `keep` counts from the newest applied event, not from the wall clock: after a long outage, the
    queue contains events as old as the last applied one.
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
    # Events that were retried, redriven or given up recently may be in flight, however old.
    stirring = select(history.c.event_id).where(history.c.at >= cutoff)
    return and_(
        inbox.c.event_time < cutoff,
        # A replay processes old events again: their rows are new.
        inbox.c.at < cutoff,
        or_(inbox.c.state == DONE, inbox.c.lease_until <= now.timestamp()),
        inbox.c.event_id.not_in(stirring),
    )


def delete_in_batches(
    engine: Engine, table: Table, condition: ColumnElement[bool], *, batch: int = BATCH
) -> int:
    """Delete the rows, one transaction per batch; return their number.

    Raises DatabaseUnavailable; some of the batches may then have been deleted.
    """
    [key] = table.primary_key.columns
    some = select(key).where(condition).limit(batch)
    # The condition is checked twice: a lease may be taken between the search and the deletion.
    return in_batches(engine, delete(table).where(key.in_(some), condition))


def in_batches(engine: Engine, statement: Delete | Update) -> int:
    """Run a statement that affects a bounded number of rows until it affects none."""
    total = 0
    while count := _run_once(engine, statement):
        total += count
    return total


def _run_once(engine: Engine, statement: Delete | Update) -> int:
    with writing(engine) as tx:
        return tx.execute(statement).rowcount
