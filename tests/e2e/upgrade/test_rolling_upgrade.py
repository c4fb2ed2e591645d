"""Each part of a running system is replaced by its next version, while orders come in.

The previous version is the commit in `PREVIOUS`, run from its own checkout with the packages of
this one. Its audit compares the mails and texts by event and not by wording, which has changed
since, so it can judge a system in which both versions sent some.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from shared.transport.kafka.address import address
from shared.transport.kafka.broker import Kafka
from tests.conftest import skip_or_fail
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, QUIET_SECONDS, Shop
from tests.e2e.stacks import Servers, a_stack
from tests.e2e.upgrade.previous import NoHistory, Versions, check_out

pytestmark = pytest.mark.matrix

PUBLISHERS = ("order", "order-relay")
#: Each order of upgrade: old relay with new consumers, and new relay with old consumers.
ORDERS_OF_UPGRADE = {
    "consumers first": (CONSUMERS, PUBLISHERS),
    "relay first": (PUBLISHERS, CONSUMERS),
}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    try:
        return Versions(check_out(tmp_path_factory.mktemp("previous")))
    except NoHistory as reason:
        skip_or_fail(str(reason))


@pytest.fixture
def shop(transport: str, versions: Versions, servers: Servers, tmp_path: Path) -> Iterator[Shop]:
    """The previous version, running."""
    options: Mapping[str, Any] = {"start": versions.start, "faults_allowed": True}
    with a_stack(transport, tmp_path / "stack", servers, **options) as stack:
        shop = Shop(stack, tmp_path / "accepted.ndjson")
        with versions.previous():
            shop.open()
        yield shop


@pytest.mark.parametrize("turns", ORDERS_OF_UPGRADE.values(), ids=ORDERS_OF_UPGRADE)
def test_parts_are_upgraded_one_after_another_under_load(
    shop: Shop, versions: Versions, turns: Sequence[Sequence[str]]
) -> None:
    shop.place(20)
    shop.fault("poison")
    eventually(lambda: dead_letters(shop) == dict.fromkeys(CONSUMERS, 1), "it is given up")

    placing = shop.begin_placing(600, rate=30)
    shop.under_load(placing, 40)
    # The first step of an upgrade, while the previous version is running.
    flush_each_message(shop)
    shop.stack.setup()
    for parts in turns:
        for name in parts:
            seen = shop.answers()
            shop.restore(name)
            # Both versions work side by side for a while.
            shop.under_load(placing, seen + 10)
    shop.end_placing(placing)

    assert audit(shop, versions) == dict.fromkeys(CONSUMERS, 620)
    # Dead letters of the previous version can be listed, redriven and discarded.
    for name in CONSUMERS:
        [letter] = shop.dlq("redrive", name, "--all")["redriven"]
        eventually(lambda name=name: shop.broker.depth(name).dead == 1, "it is given up again")  # type: ignore[misc]
        assert shop.dlq("discard", name, letter, "--yes")["discarded"] == [letter]


def flush_each_message(shop: Shop) -> None:
    """Kafka: give the topics of the previous version the setting that CHANGELOG.md names."""
    if not isinstance(shop.broker, Kafka):
        return
    cluster = address(shop.stack.plan.broker_url, shop.stack.plan.ladder)
    server = AdminClient(dict(cluster.client))
    names = {topic.name for topic in cluster.layout.topics(CONSUMERS)}
    change = ConfigEntry("flush.messages", "1", incremental_operation=AlterConfigOpType.SET)
    existing = [
        ConfigResource(ResourceType.TOPIC, name, incremental_configs=[change])
        for name in names & server.list_topics(timeout=10).topics.keys()
    ]
    for altered in server.incremental_alter_configs(existing).values():
        altered.result(10)


def dead_letters(shop: Shop) -> dict[str, int]:
    """Read one by one: the depth would be asked of queues that the previous version lacks."""
    return {name: len(shop.dead_letters(name)) for name in CONSUMERS}


def audit(shop: Shop, versions: Versions) -> dict[str, int]:
    """How many orders each consumer has applied, exactly once each."""
    words = ["orderctl", "audit", "--json", "--accepted", str(shop.ledger)]
    words += ["--quiet", str(QUIET_SECONDS), "--timeout", "120"]
    environment = shop.stack.plan.environment("orderctl")
    status, output, errors = versions.run_previous(*words, environment=environment)
    assert status == 0, f"{errors}\n{output}"
    report = json.loads(output)
    assert report["quiet"]["reached"]
    return {name: service["applied"] for name, service in report["services"].items()}
