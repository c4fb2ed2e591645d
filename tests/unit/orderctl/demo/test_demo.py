"""The demo's output, and how long it watches."""

import io
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from orderctl.audit.effect_times import DoneAt, read_done
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.demo.demo import DemoPlan
from orderctl.demo.keep import RESTART_SECONDS, PartRestarts
from orderctl.demo.next_steps import after_demo, while_running
from orderctl.demo.report import ROWS_SHOWN, comparison, document, timeline_table
from orderctl.demo.timeline import TimelineRow, timeline
from orderctl.demo.watch import STALL_SECONDS, watch
from orderctl.errors import CommandError, UsageError
from orderctl.output import command
from orderctl.place.order_client import Placed
from orderctl.stack.stack import Stack
from orderctl.stack.startup import expect_usable
from shared.transport import Message, connect
from shop.consumers import CONSUMERS
from tests.unit.orderctl.audit.far_ends import ndjson

ANSWERED = datetime(2026, 1, 1, tzinfo=UTC)


def placed(number: int, seconds: float = 0.009) -> Placed:
    return Placed(f"ord-{number}", Decimal("99.98"), seconds, 1, ANSWERED)


def after(seconds: float) -> datetime:
    return ANSWERED + timedelta(seconds=seconds)


def text(rows: tuple[TimelineRow, ...]) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(timeline_table(rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_effects_are_read_once_done_and_by_the_last_of_an_order() -> None:
    lines = [
        {"orderId": "ord-1", "at": "2026-01-01T00:00:01Z"},
        {"orderId": "ord-1", "at": "2026-01-01T01:00:03+01:00"},
        {"orderId": "ord-2", "at": "2026-01-01T00:00:01Z", "state": "sending"},
        {"orderId": "ord-3", "at": "2026-01-01T00:00:01Z", "state": "done"},
    ]
    client = httpx.Client(transport=httpx.MockTransport(lambda _: ndjson(*lines)))

    done = read_done(EvidenceClient(client, "email", "http://email"))

    assert done == {"ord-1": after(3), "ord-3": after(1)}


def test_times_count_from_the_response() -> None:
    done = {"email": {"ord-1": after(2.0)}, "sms": {}, "analytics": {"ord-1": after(-0.001)}}

    [row] = timeline([placed(1)], done)

    assert row.seconds == {"email": 2.0, "analytics": 0.0}


def test_the_table_has_a_row_per_order() -> None:
    seconds = {"email": 2.04, "inventory": 0.512, "analytics": 0.014}

    [heading, line] = text((TimelineRow(placed(1), seconds),)).splitlines()

    assert heading.split() == ["order", "response", *CONSUMERS]
    assert " ".join(line.split()) == "ord-1 9 ms +2.0 s not yet +512 ms +14 ms"


def test_with_many_orders_the_first_and_the_last_are_shown() -> None:
    lines = text(tuple(TimelineRow(placed(number)) for number in range(500))).splitlines()

    assert len(lines) == 1 + ROWS_SHOWN + 1
    assert (lines[1].split()[0], lines[-1].split()[0]) == ("ord-0", "ord-499")


def test_long_ids_are_shortened_before_times() -> None:
    order = Placed("ord-" + "0" * 32, Decimal(1), 0.0091, 1, ANSWERED)

    [_, line] = text((TimelineRow(order, dict.fromkeys(CONSUMERS, 12.3)),)).splitlines()

    assert line.count("+12.3 s") == 4


def test_one_line_compares_sync_and_async() -> None:
    rows = [
        TimelineRow(placed(number, seconds)) for number, seconds in enumerate((0.008, 0.009, 0.031))
    ]

    assert comparison(rows) == (
        "With one call after another, each customer would have waited 2 + 1 + 0.5 = 3.5 s. "
        "Here they waited 9 ms (median), 31 ms at most."
    )


def test_no_accepted_order_compares_with_nothing() -> None:
    assert comparison([]) == "No order was accepted."


def test_the_document_counts_in_milliseconds() -> None:
    [entry] = document([TimelineRow(placed(1), {"email": 2.0404})])

    assert entry == {
        "orderId": "ord-1",
        "totalAmount": Decimal("99.98"),
        "responseMs": 9.0,
        "effectsMs": {"email": 2040},
    }


class Services:
    """The services' progress, second by second; the last state remains."""

    def __init__(self, *states: Mapping[str, DoneAt]) -> None:
        self._states: Iterator[Mapping[str, DoneAt]] = iter(states)
        self._now = states[-1]
        self.clock_now = 0.0

    def read(self) -> Mapping[str, DoneAt]:
        return next(self._states, self._now)

    def sleep(self, seconds: float) -> None:
        self.clock_now += seconds

    def watch(self, orders: int, shown: list[Mapping[str, int]]) -> Mapping[str, DoneAt]:
        return watch(
            self.read, orders, shown.append, clock=lambda: self.clock_now, sleep=self.sleep
        )


BOTH = {"ord-1": ANSWERED, "ord-2": ANSWERED}


def test_watching_ends_when_every_service_has_applied_every_order() -> None:
    services = Services({"email": {}, "sms": BOTH}, {"email": BOTH, "sms": BOTH})
    shown: list[Mapping[str, int]] = []

    done = services.watch(2, shown)

    assert done == {"email": BOTH, "sms": BOTH}
    assert shown == [{"email": 0, "sms": 2}, {"email": 2, "sms": 2}]


def test_watching_ends_when_there_is_no_more_progress() -> None:
    services = Services({"email": {}, "sms": BOTH})

    services.watch(2, [])

    assert services.clock_now == pytest.approx(STALL_SECONDS, abs=1.0)


def test_a_broker_with_foreign_messages_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    broker = connect(url)
    broker.declare(CONSUMERS)
    expect_usable(url)
    with broker.publisher() as publisher:
        publisher.publish([Message(id="1", type="t", source="", time="", key="", body=b"")])

    with pytest.raises(CommandError, match="1 ready"):
        expect_usable(url)


def test_a_broker_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="--broker"):
        expect_usable("kafka://localhost")


def test_an_unreachable_broker_is_reported_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "broker.db").write_text("This is no broker, and long enough to be read as one.")

    with pytest.raises(CommandError, match="leave --broker out"):
        expect_usable(f"sqlite:///{tmp_path / 'broker.db'}")


def test_the_next_steps_fit_the_folder_and_the_ports(tmp_path: Path) -> None:
    stack = Stack(tmp_path, page=True)

    usual = while_running(stack, DemoPlan(20, 10.0, Path(".demo")))
    other = while_running(stack, DemoPlan(20, 10.0, Path("other")))

    assert f"curl -i {stack.urls['order']}/orders" in usual
    assert f"{stack.urls['dashboard']}\n" in usual
    assert stack.plan.operator_token in usual
    assert "-m orderctl audit --accepted .demo/accepted.ndjson" in usual
    assert f"DEMO_FOLDER=other {command('audit --accepted other')}" in other


def test_suggested_commands_are_quoted_for_a_shell(tmp_path: Path) -> None:
    folder = Path("a b#c's $(d)")

    text = while_running(Stack(tmp_path, page=True), DemoPlan(20, 10.0, folder))

    [words] = [shlex.split(line, comments=True) for line in text.splitlines() if " audit " in line]
    assert words[0] == f"DEMO_FOLDER={folder}"
    assert words[-2:] == ["--accepted", f"{folder}/accepted.ndjson"]


def test_a_demo_that_has_stopped_names_the_commands_to_try_next() -> None:
    text = after_demo()

    assert command("demo --keep") in text
    assert command("compare") in text


def test_nothing_offered_to_copy_needs_the_operator_token(tmp_path: Path) -> None:
    stack = Stack(tmp_path, page=True)

    text = while_running(stack, DemoPlan(20, 10.0, tmp_path))

    offered = [shlex.split(line, comments=True)[1] for line in text.splitlines() if "  # " in line]
    assert f"{stack.urls['order']}/orders/ORDER_ID/journey" in offered
    assert f"{stack.urls['order']}/orders" not in offered


def test_an_ended_part_restarts_after_a_while() -> None:
    started: list[str] = []
    said: list[str] = []
    now = [0.0]
    restarts = PartRestarts(started.append, said.append, clock=lambda: now[0])

    for second in (0.0, 1.0, RESTART_SECONDS - 0.1):
        now[0] = second
        restarts.check(["email"])
    assert (started, len(said)) == ([], 1)

    now[0] = RESTART_SECONDS
    restarts.check(["email"])
    restarts.check([])
    assert (started, len(said)) == (["email"], 2)
