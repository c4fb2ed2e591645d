"""The results of a comparison, stored in `comparison.json`, from which the report is drawn.

All times are in seconds. Names are camelCase in the file.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Mode = Literal["sync", "parallel", "async"]
#: In the order in which they are shown.
MODES: tuple[Mode, ...] = ("sync", "parallel", "async")


class OrderResult(msgspec.Struct, frozen=True, rename="camel"):
    """The result of one order. `due`: its scheduled time, since the start of the scenario.

    `seconds`: from `due` to the response, including any delay in sending. `status`: the HTTP
    status, None without a response. `stage`: the service that failed it. `visible`: from `due`
    to the last of its effects; None if one is missing. `effects`: the final number of effects
    in the downstream systems, by service.
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
    """Statistics of `n` times; `p50_low` to `p50_high` is the median's 95 % confidence interval.

    `p95` needs 20 times and `p99` 500, otherwise it is None: it would be close to the maximum.
    """

    n: int
    p50: float
    p50_low: float
    p50_high: float
    p95: float | None
    p99: float | None
    max: float


class Share(msgspec.Struct, frozen=True, rename="camel"):
    """`part` of `of`; `low` to `high`: the 95 % interval of the true share (Wilson), 0 to 1."""

    part: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.part / self.of if self.of else 0.0


class ModeResult(msgspec.Struct, frozen=True, rename="camel"):
    """One scenario in one mode.

    `response`: times of placed orders; `failed_after`: of error responses, separate because a
    refusal is quick; `visible`: of placed orders with all effects. `lost`: accepted orders with a
    missing effect. `half_done`: orders with an error response and yet an effect.
    `mails_for_failed`: emails about such orders. `twice`: effects applied more than once.
    `dead_lettered`: accepted orders with a dead letter.
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
    """The number of events queued, in flight or awaiting a retry, by service."""

    at: float
    waiting: Mapping[str, int]


class Moment(msgspec.Struct, frozen=True, rename="camel"):
    """A deliberate change to the system, such as "email goes down"."""

    at: float
    what: str


class ModeRun(msgspec.Struct, frozen=True, rename="camel"):
    """The course of one mode's run; `at` counts from its first order."""

    mode: Mode
    moments: tuple[Moment, ...]
    samples: tuple[Sample, ...]


class ScenarioResult(msgspec.Struct, frozen=True, rename="camel"):
    """`title`: a few words; `story`: a sentence or two about the conditions."""

    name: str
    title: str
    story: str
    rate: float
    modes: tuple[ModeResult, ...]
    runs: tuple[ModeRun, ...]


class Bar(msgspec.Struct, frozen=True, rename="camel"):
    """A piece of work in a timeline."""

    who: str
    start: float
    seconds: float


class Waterfall(msgspec.Struct, frozen=True, rename="camel"):
    """One order, with times since its request; `answered`: when the customer had the response."""

    mode: Mode
    answered: float
    bars: tuple[Bar, ...]


class Machine(msgspec.Struct, frozen=True, rename="camel"):
    """The machine of the measurement; `system` is, for example, "Linux 6.1 x86_64"."""

    system: str
    processor: str
    cores: int
    python: str


class Comparison(msgspec.Struct, frozen=True, rename="camel"):
    """`broker`: embedded, rabbitmq or kafka.

    `speedup`: the median response time of sync divided by that of async, healthy; None if either
    was not run. `audit`: the verdict as a sentence; `is_clean`: nothing lost or duplicated.
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
