"""The latecomer of the demo: shipping joins after orders were placed, and what it sees is shown."""

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
from orderctl.replay.client import ReplayClient
from orderctl.stack.stack import Stack
from shared.transport import connect

NAME = "shipping"
#: So many orders are placed once it is there.
MORE_ORDERS = 3
#: Nothing may move for so long before what it has seen is counted.
QUIET_SECONDS = 2.0
REPLAY_SECONDS = 300.0

_NO_QUEUE_YET = "the broker gave those orders to the queues that there were; its own came later"
#: Why a service that joins sees of the past what it sees, by the scheme of BROKER_URL.
WHY = {
    "kafka": "its group begins with the oldest event that the topic keeps",
    "amqp": _NO_QUEUE_YET,
    "amqps": _NO_QUEUE_YET,
    "sqlite": _NO_QUEUE_YET,
}

KEPT = "the broker had kept every event, and was asked for them"
NOTHING_MISSING = "none was missing, and each was written anew"


@dataclass(frozen=True)
class JoinMoment:
    """How many orders there were and how many of them had a shipment, and why."""

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
    """Raise CommandError where its queues are there already: then it cannot be late."""
    if not connect(broker_url).missing([NAME]):
        raise CommandError(
            f"On this broker {NAME} has joined before, and its queue has collected orders since: "
            "take an empty virtual host."
        )


def let_join(
    stack: Stack, orders: int, began: datetime, place_more: Callable[[int], int], say: Tell
) -> Latecomer:
    """Have it join, place more orders, replay from when the first was placed; count each time."""
    with open_client() as client, progress() as tell:
        say(f"Now {NAME} joins. None of the {orders} orders was placed with it in mind.")
        stack.join(NAME)
        joined = _count(stack, client, tell)
        say(f"It has {joined} shipments. Then {MORE_ORDERS} more orders are placed …")
        more = orders + place_more(MORE_ORDERS)
        after = _count(stack, client, tell)
        say(f"It has {after}. Now a replay, from when this demo began …")
        _replay(stack, client, began, tell)
        at_last = _count(stack, client, tell)
    why = WHY[urlsplit(stack.plan.broker_url).scheme]
    return Latecomer(
        (
            JoinMoment("it joined", orders, joined, why),
            JoinMoment(f"{MORE_ORDERS} more orders", more, after, "it was there when these came"),
            JoinMoment("a replay", more, at_last, NOTHING_MISSING if after == more else KEPT),
        )
    )


def _count(stack: Stack, client: httpx.Client, tell: Tell) -> int:
    """Its shipments, once nothing moves any more."""
    wait_until_idle(stack, NAME, QUIET_SECONDS, tell=tell)
    shipping = EvidenceClient(client, NAME, stack.urls[NAME], stack.addresses.operator_token)
    return len(list(shipments(shipping)))


def _replay(stack: Stack, client: httpx.Client, began: datetime, tell: Tell) -> None:
    replays = ReplayClient(client, stack.addresses, NAME)
    answer = replays.begin({"from": began.isoformat()})
    replay = replays.follow(answer, timeout=REPLAY_SECONDS, tell=tell).replay
    if replay.exit_status:
        raise CommandError(f"The replay is {replay.state}: {replay.reason or replay.failures}")
