"""What a comparison has measured. `comparison.json` is this, and the report is drawn from it.

All times are in seconds. Names are camelCase in the file.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Mode = Literal["sync", "parallel", "async"]
#: In the order in which they are shown.
MODES: tuple[Mode, ...] = ("sync", "parallel", "async")


class OrderResult(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one order. `due`: when the schedule had it, from the scenario's beginning.

    `seconds`: from then until its answer, which is how long a customer waits, whatever held up
    the sending. `status`: the HTTP status, None without any answer. `stage`: who failed it.
    `visible`: from `due` until the last of its effects was there; None where one never was.
    `effects`: how many of each service's effects the far end shows in the end.
    """

    due: float
    seconds: float
    status: int | None
    order_id: str | None = None
    stage: str | None = None
    reason: str | None = None
    visible: float | None = None
    effects: Mapping[str, int] = {}

    @property
    def succeeded(self) -> bool:
        """The customer was told that the order is placed."""
        return self.status in (201, 202)


class Spread(msgspec.Struct, frozen=True, rename="camel"):
    """Of `n` times. `p50_low` and `p50_high` hold the true median with 95 % confidence.

    `p95` is None below 20 times, `p99` below 500: fewer cannot tell it from the maximum.
    """

    n: int
    p50: float
    p50_low: float
    p50_high: float
    p95: float | None
    p99: float | None
    max: float


class Share(msgspec.Struct, frozen=True, rename="camel"):
    """`part` of `of`; `low` and `high` are the 95 % interval of the true share (Wilson), 0 to 1."""

    part: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.part / self.of if self.of else 0.0


class ModeResult(msgspec.Struct, frozen=True, rename="camel"):
    """One scenario in one mode.

    `response`: of the orders that were placed; `failed_after`: of those that were answered with an
    error, whose times are another matter: a refusal is quick. `visible`: of the placed ones whose
    effects all came. `lost`: accepted, and an effect never came. `half_done`: not placed, says
    the answer, and yet some effect is there. `mails_for_failed`: mails about orders of which the
    customer was told that they failed. `twice`: effects that are there more often than once.
    `dead_lettered`: accepted orders with an event that somebody has to redrive.
    """

    mode: Mode
    success: Share
    response: Spread | None
    visible: Spread | None
    lost: int
    half_done: int
    mails_for_failed: int
    twice: int
    dead_lettered: int
    orders: tuple[OrderResult, ...]
    failed_after: Spread | None = None


class Sample(msgspec.Struct, frozen=True, rename="camel"):
    """How many events wait for each service (in its queue, its hands or its ladder)."""

    at: float
    waiting: Mapping[str, int]


class Moment(msgspec.Struct, frozen=True, rename="camel"):
    """Something that was done to the system on purpose: "email goes down"."""

    at: float
    what: str


class ModeRun(msgspec.Struct, frozen=True, rename="camel"):
    """What happened while the orders of one mode were placed; `at` counts from the first one."""

    mode: Mode
    moments: tuple[Moment, ...]
    samples: tuple[Sample, ...]


class ScenarioResult(msgspec.Struct, frozen=True, rename="camel"):
    """`title` is a few words, `story` a sentence or two that say what is done and why."""

    name: str
    title: str
    story: str
    rate: float
    modes: tuple[ModeResult, ...]
    runs: tuple[ModeRun, ...]


class Bar(msgspec.Struct, frozen=True, rename="camel"):
    """A piece of work in a timeline: who, from when, for how long."""

    who: str
    start: float
    seconds: float


class Waterfall(msgspec.Struct, frozen=True, rename="camel"):
    """One order, from its request: `answered` is when the customer knew."""

    mode: Mode
    answered: float
    bars: tuple[Bar, ...]


class Machine(msgspec.Struct, frozen=True, rename="camel"):
    """Where it was measured: `system` as in "Linux 6.1 x86_64", `processor` as it calls itself."""

    system: str
    processor: str
    cores: int
    python: str


class Comparison(msgspec.Struct, frozen=True, rename="camel"):
    """`broker`: embedded, rabbitmq or kafka. `speedup`: how many times sooner the median answer
    of async came than that of sync, healthy; None where either was not run.
    `audit`: the verdict over everything, as a sentence; `is_clean`: nothing lost, nothing twice.
    """

    began_at: str
    seconds: float
    machine: Machine
    broker: str
    command: str
    scenarios: tuple[ScenarioResult, ...]
    waterfalls: tuple[Waterfall, ...]
    speedup: float | None
    audit: str
    is_clean: bool
