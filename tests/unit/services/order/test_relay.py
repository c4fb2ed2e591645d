"""The relay on SQLite, with a recording broker."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Engine, event, insert
from sqlalchemy.exc import OperationalError

from services.order.relay.loop import (
    BATCH,
    BUSY_SECONDS,
    FEW,
    FIRST_PAUSE_SECONDS,
    IDLE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    QUEUE_CHECK_SECONDS,
    WHOLE_EVERY,
    Relay,
)
from services.order.relay.publishing import REFUSALS
from services.order.schema import outbox
from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport import Message
from tests.fakes import Death, Outage, failing_log
from tests.order_service import OrderService
from tests.relay_parts import CONSUMERS, RecordingBroker, running
from tests.waiting import eventually, stays


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url, outbox_limit=10_000) as made:
        yield made


@pytest.fixture
def broker() -> RecordingBroker:
    return RecordingBroker()


@pytest.fixture
def relay(service: OrderService, broker: RecordingBroker) -> Relay:
    return Relay(service.engine, broker, CONSUMERS)


def place(service: OrderService, count: int) -> list[str]:
    return [service.post().get_json()["orderId"] for _ in range(count)]


def is_empty(service: OrderService) -> bool:
    return service.rows()[1] == 0


def test_events_are_published_in_order_and_deleted_once_confirmed(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    before = place(service, 3)
    rows = service.waiting()
    with running(relay):
        eventually(lambda: is_empty(service))
        meanwhile = place(service, 3)
        eventually(lambda: is_empty(service))
        assert relay.why_not_ready() is None
        assert relay.active
    assert broker.keys == before + meanwhile
    assert [message.body for message in broker.published[:3]] == [r.payload.encode() for r in rows]


def test_a_long_outbox_is_published_in_batches(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    place(service, 1)
    [row] = service.waiting()
    values = {k: v for k, v in row._mapping.items() if k != "seq"}
    many = [values | {"id": f"event-{n}"} for n in range(2 * BATCH)]
    with service.engine.begin() as tx:
        tx.execute(insert(outbox), many)
    with running(relay):
        eventually(lambda: is_empty(service))
    assert broker.batches == [BATCH, BATCH, 1]
    assert [m.id for m in broker.published[1:]] == [each["id"] for each in many]


def test_only_confirmed_rows_are_deleted(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    placed = place(service, 5)
    confirmed: list[str] = []

    def confirm_every_other(messages: Sequence[Message]) -> None:
        if not confirmed:
            confirmed.extend(message.id for message in messages[::2])
            raise PublishFailed("two were returned", confirmed=frozenset(confirmed))

    broker.fault = confirm_every_other
    with running(relay):
        eventually(lambda: is_empty(service))
    assert broker.keys == placed[1::2]


def test_all_rows_are_kept_while_the_broker_is_down(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    def be_away(messages: Sequence[Message]) -> None:
        raise BrokerUnavailable("connection refused")

    broker.fault = be_away
    with running(relay) as died:
        placed = place(service, 3)
        eventually(lambda: relay.why_not_ready() == "connection refused")
        # It has released the lock while it waits.
        eventually(lambda: not relay.active)
        stays(lambda: service.rows() == (3, 3))
        placed += place(service, 1)
        broker.fault = None
        eventually(lambda: is_empty(service))
        eventually(lambda: relay.why_not_ready() is None)
        assert not died.is_set()
    assert broker.keys == placed


class Hurried(threading.Event):
    """Waits only briefly, and records the requested seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return super().wait(0.001)

    def pauses(self) -> list[float]:
        """The pauses except the ones between polls of the outbox."""
        return [wait for wait in self.waits if wait > IDLE_SECONDS]


def test_pauses_grow_up_to_a_limit_and_are_reset_after_an_outage(
    service: OrderService, broker: RecordingBroker
) -> None:
    def be_away(messages: Sequence[Message]) -> None:
        raise BrokerUnavailable("connection refused")

    relay = Relay(service.engine, broker, CONSUMERS, stopping=(hurried := Hurried()))
    place(service, 1)
    broker.fault = be_away
    with running(relay):
        eventually(lambda: len(hurried.pauses()) >= 6)
        broker.fault = None
        eventually(lambda: relay.why_not_ready() is None)
        before, broker.fault = len(hurried.pauses()), be_away
        place(service, 1)
        eventually(lambda: len(hurried.pauses()) > before)
    longest = LONGEST_PAUSE_SECONDS
    assert hurried.pauses()[:6] == [0.2, 0.4, 0.8, 1.6, longest, longest]
    assert set(hurried.pauses()[6:before]) <= {longest}
    assert hurried.pauses()[before] == FIRST_PAUSE_SECONDS


def test_an_empty_outbox_is_polled_less_and_less_until_there_is_work(
    service: OrderService, broker: RecordingBroker
) -> None:
    relay = Relay(service.engine, broker, CONSUMERS, stopping=(hurried := Hurried()))
    with running(relay):
        eventually(lambda: IDLE_SECONDS in hurried.waits)
        idle = len(hurried.waits)
        place(service, 1)
        eventually(lambda: BUSY_SECONDS in hurried.waits[idle:])
    doubled = [BUSY_SECONDS * 2**n for n in range(1, 7)]
    assert hurried.waits[:7] == [*doubled, IDLE_SECONDS]


def test_nothing_is_published_until_every_queue_exists(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    broker.lacking = ["sms_service_queue"]
    place(service, 1)
    with running(relay):
        eventually(lambda: "sms_service_queue" in (relay.why_not_ready() or ""))
        stays(lambda: not broker.published)
        assert not relay.active
        broker.lacking = []
        eventually(lambda: is_empty(service))
        assert relay.why_not_ready() is None


def test_a_queue_deleted_later_stops_publishing_too(
    service: OrderService, broker: RecordingBroker
) -> None:
    now = [0.0]
    relay = Relay(service.engine, broker, CONSUMERS, clock=lambda: now[0])
    with running(relay):
        place(service, 1)
        eventually(lambda: is_empty(service))
        assert broker.checks == 1
        broker.lacking = ["email_service_queue"]
        now[0] += QUEUE_CHECK_SECONDS
        eventually(lambda: "email_service_queue" in (relay.why_not_ready() or ""))
        place(service, 1)
        stays(lambda: len(broker.published) == 1)


def test_queues_are_checked_again_after_every_failure(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    def fail_and_lose_a_queue(messages: Sequence[Message]) -> None:
        broker.lacking = ["email_service_queue"]
        broker.fault = None
        raise BrokerUnavailable("restarting")

    broker.fault = fail_and_lose_a_queue
    place(service, 1)
    with running(relay):
        eventually(lambda: "email_service_queue" in (relay.why_not_ready() or ""))
        stays(lambda: not broker.published)


def test_the_relay_waits_while_the_database_is_down(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    outage = Outage(service.engine)
    with running(relay) as died:
        eventually(lambda: relay.active)
        outage.is_on = True
        eventually(lambda: "database" in (relay.why_not_ready() or ""))
        outage.is_on = False
        placed = place(service, 2)
        eventually(lambda: broker.keys == placed)
        assert not died.is_set()


def test_a_second_relay_is_on_standby_and_takes_over(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    second = Relay(service.engine, broker, CONSUMERS)
    with running(relay):
        eventually(lambda: relay.active)
        with running(second):
            eventually(lambda: second.why_not_ready() is None)
            placed = place(service, 20)
            eventually(lambda: is_empty(service))
            assert not second.active
            relay.stop()
            eventually(lambda: second.active, within=2)
            placed += place(service, 3)
            eventually(lambda: is_empty(service))
    assert broker.keys == placed


def test_a_relay_that_crashes_before_deleting_publishes_again(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    def die_when_confirmed(messages: Sequence[Message]) -> None:
        broker.published += messages
        raise Death

    broker.fault = die_when_confirmed
    placed = place(service, 2)
    with running(relay) as died:
        assert died.wait(20)
        eventually(lambda: relay.why_not_ready() == "the relay has stopped")
        assert service.rows() == (2, 2)
    broker.fault = None
    with running(Relay(service.engine, broker, CONSUMERS)):
        eventually(lambda: is_empty(service))
    assert broker.keys == placed + placed
    assert [m.id for m in broker.published[:2]] == [m.id for m in broker.published[2:]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_relay_ends_the_process_even_if_logging_fails(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    def die(messages: Sequence[Message]) -> None:
        raise Death

    broker.fault = die
    place(service, 1)
    with failing_log("relay.died"), running(relay) as died:
        assert died.wait(20)
        eventually(lambda: relay.why_not_ready() == "the relay has stopped")


def test_a_relay_without_its_tables_waits_for_them(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    with service.engine.begin() as tx:
        tx.exec_driver_sql("ALTER TABLE outbox RENAME TO elsewhere")
    with running(relay) as died:
        eventually(lambda: "migrate" in (relay.why_not_ready() or ""))
        with service.engine.begin() as tx:
            tx.exec_driver_sql("ALTER TABLE elsewhere RENAME TO outbox")
        eventually(lambda: relay.active)
        assert not died.is_set()


def test_an_event_is_published_soon(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    with running(relay):
        eventually(lambda: relay.active)
        place(service, 1)
        eventually(lambda: broker.published, within=1)


def damage(service: OrderService, number: int, **values: object) -> None:
    """Change values in one outbox row, as an administrator with SQL could."""
    names = ", ".join(f"{name} = ?" for name in values)
    with service.engine.begin() as tx:
        tx.exec_driver_sql(
            f"UPDATE outbox SET {names} WHERE seq = ?",  # noqa: S608 - names of this file
            (*values.values(), service.waiting()[number].seq),
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("headers", "null"),
        ("headers", ""),
        ("headers", "[]"),
        ("headers", "5"),
        ("headers", '{"traceparent": 5}'),
        ("headers", b"\xff"),
        ("payload", b"{}"),
        ("payload", b"\xff\x00"),
        ("id", b"\x00"),
        ("created_at", "no time"),
        ("created_at", b"\xff"),
    ],
)
def test_a_row_that_is_not_a_message_is_set_aside_and_others_are_published(
    service: OrderService, broker: RecordingBroker, relay: Relay, column: str, value: object
) -> None:
    first, odd, last = place(service, 3)
    damage(service, 1, **{column: value})
    with running(relay):
        eventually(lambda: broker.keys == [first, last])
        eventually(lambda: relay.why_not_ready() is None)
    state = service.get("/outbox").get_json()
    assert (state["pending"], state["setAside"]) == (0, 1)
    assert state["oldestAgeSeconds"] is None
    assert service.rows() == (3, 1)
    assert odd not in broker.keys


def test_a_row_set_aside_is_published_once_it_is_repaired(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    placed = place(service, 2)
    damage(service, 0, headers="null")
    with running(relay):
        eventually(lambda: broker.keys == placed[1:])
        damage(service, 0, headers="{}", set_aside=None)
        eventually(lambda: is_empty(service))
    assert broker.keys == [placed[1], placed[0]]


def place_and_wait(service: OrderService, broker: RecordingBroker) -> str:
    [placed] = place(service, 1)
    eventually(lambda: placed in broker.keys)
    return placed


def refuse(broker: RecordingBroker, *keys: str) -> None:
    """Let the broker confirm everything except the events of these orders."""

    def fault(messages: Sequence[Message]) -> None:
        taken = [message for message in messages if message.key not in keys]
        if len(taken) < len(messages):
            broker.published += taken
            raise PublishFailed("too large", confirmed=frozenset(each.id for each in taken))

    broker.fault = fault


def test_a_row_that_the_broker_alone_refuses_is_set_aside(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    first, odd, second = place(service, 3)
    refuse(broker, odd)
    with running(relay):
        eventually(lambda: broker.keys == [first, second])
        eventually(lambda: service.rows() == (3, 1))
        placed = [place_and_wait(service, broker) for _ in range(REFUSALS)]
        eventually(lambda: relay.why_not_ready() is None)
    assert broker.keys == [first, second, *placed]
    [row] = service.waiting()
    assert (row.aggregateid, row.set_aside) == (odd, "too large")


def test_a_row_for_an_unavailable_part_of_the_broker_waits(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    unlucky = place(service, 3)[1]
    attempts: list[int] = []

    def take_the_others(messages: Sequence[Message]) -> None:
        attempts.append(len(messages))
        taken = [message for message in messages if message.key != unlucky]
        broker.published += taken
        place(service, 1)
        confirmed = frozenset(message.id for message in taken)
        rest = frozenset(message.id for message in messages) - confirmed
        raise PublishFailed("no leader", confirmed=confirmed, blameless=rest)

    broker.fault = take_the_others
    with running(relay):
        eventually(lambda: len(attempts) > REFUSALS + 1)
        broker.fault = None
        eventually(lambda: is_empty(service))
    assert broker.keys.count(unlucky) == 1


def test_a_row_refused_together_with_all_later_ones_waits(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    placed = place(service, 4)
    refuse(broker, *placed[1:])
    with running(relay):
        eventually(lambda: broker.keys == placed[:1])
        eventually(lambda: relay.why_not_ready() == "too large")
        stays(lambda: service.rows() == (4, 3), for_seconds=3)
        broker.fault = None
        eventually(lambda: is_empty(service))
    assert broker.keys == placed


def test_rows_refused_by_a_nearly_full_queue_are_not_set_aside(
    service: OrderService, broker: RecordingBroker
) -> None:
    def take_the_first(messages: Sequence[Message]) -> None:
        if len(messages) > 1:
            broker.published.append(messages[0])
            raise PublishFailed("it is full", confirmed=frozenset([messages[0].id]))

    placed = place(service, 2 * REFUSALS)
    broker.fault = take_the_first
    with running(Relay(service.engine, broker, CONSUMERS, stopping=Hurried())):
        eventually(lambda: len(broker.keys) == len(placed))
        eventually(lambda: is_empty(service))
    assert broker.keys == placed


def test_while_all_is_refused_few_rows_are_tried_and_sometimes_all(
    service: OrderService, broker: RecordingBroker
) -> None:
    sizes: list[int] = []

    def refuse_all(messages: Sequence[Message]) -> None:
        sizes.append(len(messages))
        raise PublishFailed("refused")

    relay = Relay(service.engine, broker, CONSUMERS, stopping=Hurried())
    placed = place(service, 50)
    broker.fault = refuse_all
    with running(relay):
        eventually(lambda: len(sizes) > WHOLE_EVERY)
        broker.fault = None
        eventually(lambda: is_empty(service))
    assert sizes[: WHOLE_EVERY + 1] == [50, *[FEW] * (WHOLE_EVERY - 1), 50]
    assert broker.keys == placed
    # The first confirmed batch may be small, and the next has all remaining rows.
    assert len(broker.batches) <= 2


@pytest.mark.parametrize(
    "error",
    [BrokerUnavailable("restarting"), PublishFailed("one was returned", confirmed=frozenset("x"))],
    ids=["an outage", "a refusal of some"],
)
def test_other_failures_do_not_shrink_the_batches(
    service: OrderService, broker: RecordingBroker, error: Exception
) -> None:
    sizes: list[int] = []

    def fail(messages: Sequence[Message]) -> None:
        sizes.append(len(messages))
        raise error

    relay = Relay(service.engine, broker, CONSUMERS, stopping=Hurried())
    place(service, 50)
    broker.fault = fail
    with running(relay):
        eventually(lambda: len(sizes) >= 3)
        broker.fault = None
        eventually(lambda: is_empty(service))
    assert sizes[:3] == [50, 50, 50]


def test_a_read_only_database_does_not_cause_repeated_publishing(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    read_only = ReadOnly(service.engine)
    placed = place(service, 50)
    # Earlier, the relay would not even start.
    broker.fault = lambda _messages: read_only.begin()
    with running(relay) as died:
        eventually(lambda: "read-only" in (relay.why_not_ready() or ""))
        stays(lambda: broker.keys == placed, for_seconds=3)
        assert service.rows() == (50, 50)
        broker.fault, read_only.is_on = None, False
        placed += place(service, 1)
        eventually(lambda: is_empty(service))
        assert not died.is_set()
    assert broker.keys == placed


def test_a_reused_row_number_does_not_lose_the_second_row(
    service: OrderService, broker: RecordingBroker, relay: Relay
) -> None:
    read_only = ReadOnly(service.engine)
    [first] = place(service, 1)
    broker.fault = lambda _messages: read_only.begin()
    with running(relay):
        eventually(lambda: "read-only" in (relay.why_not_ready() or ""))
        with sqlite3.connect(service.engine.url.database or "") as standby:
            standby.execute("UPDATE outbox SET id = 'another', aggregateid = 'ord-another'")
        broker.fault, read_only.is_on = None, False
        eventually(lambda: is_empty(service))
    assert broker.keys == [first, "ord-another"]


class ReadOnly:
    """Makes a database read-only, as after a failover or with a full disk."""

    def __init__(self, engine: Engine) -> None:
        self.is_on = False
        event.listen(engine, "before_cursor_execute", self._refuse)

    def begin(self) -> None:
        self.is_on = True

    def _refuse(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self.is_on and not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            raise OperationalError(statement, None, Exception("a read-only database"))
