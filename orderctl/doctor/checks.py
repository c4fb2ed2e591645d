"""Runs all of the doctor's checks, in the order of a manual diagnosis."""

import time
from collections.abc import Callable, Iterator

import httpx

from orderctl.doctor.broker import (
    Backlog,
    Snapshot,
    check_topology,
    judge_backlog,
    judge_dead_letters,
)
from orderctl.doctor.finding import Finding, ok, problem
from orderctl.doctor.machine import check_packages, check_python
from orderctl.doctor.services import (
    addresses_of,
    check_mail,
    check_outbox,
    check_service,
    check_token,
    combined_health,
)
from orderctl.replicas import Replicas, replicas
from orderctl.settings import Addresses
from shared.errors import BrokerUnavailable, QueuesMissing, SettingsError
from shared.settings import BrokerUrl, load
from shared.transport import Broker, connect
from shared.transport.names import dead_letter_queue, work_queue

Sleep = Callable[[float], object]


class _BrokerUnknown(Addresses):
    """Allows the services to be checked without a known broker."""

    broker_url: BrokerUrl = "sqlite:///never-opened"


def examine(client: httpx.Client, seconds: float) -> Iterator[Finding]:
    """All findings; backlogs are compared over `seconds`."""
    yield check_python()
    yield check_packages()
    try:
        addresses = load(Addresses)
    except SettingsError as error:
        yield problem("settings", str(error), "Set it, then run the command again.")
        yield from _without_broker(client)
        return
    yield ok("settings", "all valid, BROKER_URL included")
    yield from check_services(client, addresses)
    broker = connect(addresses.broker_url, addresses.retry_ladder)
    yield from check_broker(client, addresses, broker, seconds)


def _without_broker(client: httpx.Client) -> Iterator[Finding]:
    try:
        addresses = load(_BrokerUnknown)
    except SettingsError:
        return
    yield from check_services(client, addresses)


def check_services(
    client: httpx.Client, addresses: Addresses, where: Replicas = replicas
) -> Iterator[Finding]:
    for name, url in addresses_of(addresses).items():
        # Readiness is known only to each process itself.
        for each in where(url):
            yield check_service(client, name, each)
    yield check_mail(client, addresses.mail_url)
    yield from check_outbox(client, addresses.relay_url)
    yield from check_token(client, addresses)


def check_broker(
    client: httpx.Client,
    addresses: Addresses,
    broker: Broker,
    seconds: float,
    sleep: Sleep = time.sleep,
) -> Iterator[Finding]:
    yield from check_topology(broker, addresses.consumers)
    before = _snapshot(client, addresses, broker)
    if not (before.backlogs or before.dead):
        return
    sleep(seconds)
    after = _snapshot(client, addresses, broker)
    yield from judge_backlog(before, after, seconds)
    yield from judge_dead_letters(after)


def _snapshot(client: httpx.Client, addresses: Addresses, broker: Broker) -> Snapshot:
    """All visible queues; check_topology has reported the others."""
    backlogs, dead = {}, {}
    for name in addresses.consumers:
        ready, given_up = _numbers(broker, name)
        if ready is not None:
            backlogs[name] = Backlog(ready, combined_health(client, addresses.of(name)))
        if given_up is not None:
            dead[name] = given_up
    return Snapshot(backlogs, dead)


def _numbers(broker: Broker, service: str) -> tuple[int | None, int | None]:
    """The numbers of ready and of dead messages; None for a queue that is missing."""
    try:
        depth = broker.depth(service)
    except QueuesMissing as error:
        others = error.others
        return others.get(work_queue(service)), others.get(dead_letter_queue(service))
    except BrokerUnavailable:
        return None, None
    return depth.ready, depth.dead
