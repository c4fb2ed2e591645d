"""The demo's latecomer: shipping joins after the orders, then gets the missing ones by replay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from orderctl.audit.evidence_client import EvidenceClient
from orderctl.audit.far_ends import shipments
from orderctl.demo.wait_until_idle import wait_until_idle
from orderctl.errors import CommandError
from orderctl.http_client import open_client
from orderctl.progress import Tell, progress
from orderctl.replay.client import ReplayClient, exit_status
from orderctl.stack.stack import Stack
from shared.transport import connect

NAME = "shipping"
#: Orders placed after it has joined.
MORE_ORDERS = 3
#: Its queue must have been empty for this long before its shipments are counted.
QUIET_SECONDS = 2.0
REPLAY_SECONDS = 300.0

_NO_QUEUE_YET = "those orders went to the queues that existed then; its own was created later"
#: Why a new service sees or misses earlier orders, by the scheme of BROKER_URL.
WHY = {
    "kafka": "its group starts at the oldest event in the topic",
    "amqp": _NO_QUEUE_YET,
    "amqps": _NO_QUEUE_YET,
    "sqlite": _NO_QUEUE_YET,
}

KEPT = "the broker had kept every event, and the replay read them"
NOTHING_MISSING = "none was missing, and each was rewritten"


@dataclass(frozen=True)
class JoinMoment:
    """How many orders and shipments there were after a step, and why."""

    when: str
    orders: int
    shipments: int
    why: str


@dataclass(frozen=True)
class Latecomer:
    moments: tuple[JoinMoment, ...]

    @property
    def has_all(self) -> bool:
        return self.moments[-1].orders == self.moments[-1].shipments


def expect_unknown(broker_url: str) -> None:
    """Raise CommandError if its queue already exists, since it could not be late then."""
    if not connect(broker_url).missing([NAME]):
        raise CommandError(
            f"{NAME} has joined this broker before, and its queue has collected orders since: "
            "use an empty virtual host."
        )


def let_join(
    stack: Stack, orders: int, began: datetime, place_more: Callable[[int], int], say: Tell
) -> Latecomer:
    """Start it, place more orders, replay from `began`; count its shipments after each step."""
    with open_client() as client, progress() as tell:
        say(f"Now {NAME} joins, after all {orders} orders were placed.")
        stack.join(NAME)
        joined = _count(stack, client, tell)
        say(f"It has {joined} shipments. Placing {MORE_ORDERS} more orders …")
        more = orders + place_more(MORE_ORDERS)
        after = _count(stack, client, tell)
        say(f"It has {after} shipments. Replaying all events since this demo began …")
        _replay(stack, client, began, tell)
        at_last = _count(stack, client, tell)
    why = WHY[urlsplit(stack.plan.broker_url).scheme]
    return Latecomer(
        (
            JoinMoment("it joined", orders, joined, why),
            JoinMoment(
                f"{MORE_ORDERS} more orders", more, after, "it was running when these were placed"
            ),
            JoinMoment("a replay", more, at_last, NOTHING_MISSING if after == more else KEPT),
        )
    )


def _count(stack: Stack, client: httpx.Client, tell: Tell) -> int:
    """Its number of shipments, once it is idle."""
    wait_until_idle(stack, NAME, QUIET_SECONDS, tell=tell)
    shipping = EvidenceClient(client, NAME, stack.urls[NAME], stack.addresses.operator_token)
    return len(list(shipments(shipping)))


def _replay(stack: Stack, client: httpx.Client, began: datetime, tell: Tell) -> None:
    replays = ReplayClient(client, stack.addresses, NAME)
    answer = replays.begin({"from": began.isoformat()})
    replay = replays.follow(answer, timeout=REPLAY_SECONDS, tell=tell).replay
    if exit_status(replay):
        raise CommandError(f"The replay is {replay.state}: {replay.reason or replay.failures}")
