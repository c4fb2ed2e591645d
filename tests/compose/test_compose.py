"""The guarantees of the Compose files, tested on one system per broker.

The tests run in this order: each builds on the state that the previous ones left, and every audit
covers all orders so far.
"""

import json
import subprocess
from typing import Any

import pytest

from tests.compose.containers import Containers, finish
from tests.waiting import eventually

CONSUMERS = ("email", "sms", "inventory", "analytics")
DATABASES = ("orders", *CONSUMERS, "shipping")
#: The main process of a container: the only child of its first process, `init`.
KILL_THE_PROCESS = "import os; os.kill(int(open('/proc/1/task/1/children').read().split()[0]), 9)"
#: Every role tries every database, by its network name as services do: through localhost the image
#: requires no password.
WHO_CAN_CONNECT_WHERE = f"""
for role in {" ".join(DATABASES)}; do
    variable=${{role^^}}_PASSWORD
    export PGPASSWORD=${{!variable:-$ORDER_PASSWORD}}
    for database in {" ".join(DATABASES)} postgres template1; do
        psql -h postgres -U $role -d $database -c 'SELECT 1' >/dev/null && echo $role to $database
    done
done
"""
COUNT_MAILS = "SELECT count(*) FROM inbox WHERE state = 'done'"
TIMES_UP = 60.0
#: CONCURRENCY of email in docker-compose.yml.
MAILS_AT_A_TIME = 36

pytestmark = pytest.mark.timeout(900)
#: For tests that `make test-compose` runs on RabbitMQ only; `make test-all` runs them on Kafka too.
matrix_on_kafka = pytest.mark.parametrize(
    "system",
    ["rabbitmq", pytest.param("kafka", marks=pytest.mark.matrix)],
    indirect=True,
    scope="module",
)


def assert_kept(system: Containers) -> None:
    """Assert that every consumer applied each order exactly once, and none was lost."""
    orders = len(system.order_ids())
    report = system.audit()
    assert report["exitStatus"] == 0, json.dumps(report, indent=1)
    assert (report["accepted"], report["answered"]) == (orders, orders)
    assert applied(report) == dict.fromkeys(CONSUMERS, orders)


def applied(report: dict[str, Any]) -> dict[str, int]:
    return {name: service["applied"] for name, service in report["services"].items()}


def test_orders_reach_every_service_of_a_new_system(system: Containers) -> None:
    system.place(20)
    assert len(system.order_ids()) == 20
    assert_kept(system)


@matrix_on_kafka
def test_containers_are_unprivileged_and_read_only(system: Containers) -> None:
    for container in system.inspect():
        name, host = container["Name"], container["HostConfig"]
        assert container["Config"]["User"] not in ("", "0", "root"), name
        assert host["ReadonlyRootfs"], name
        assert (host["CapDrop"], host["CapAdd"] or []) == (["ALL"], []), name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, name
        assert container["State"]["Health"]["Status"] == "healthy", name


@matrix_on_kafka
def test_the_kernel_agrees(system: Containers) -> None:
    services = system.compose("ps", "--services").stdout.split()
    others = {"postgres", system.broker, "mailpit"}
    assert {*others, "order", "order-relay", *CONSUMERS} < set(services)
    for service in services:
        text = system.inside(service, "cat", "/proc/1/status").stdout
        status = dict(line.split(":\t", 1) for line in text.splitlines())
        assert "0" not in status["Uid"].split(), service
        sets = [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")]
        assert sets == [0, 0, 0, 0], service
        assert status["NoNewPrivs"] == "1", service


@matrix_on_kafka
def test_an_image_holds_one_service(system: Containers) -> None:
    for service in ("order", "dashboard", *CONSUMERS):
        found = system.inside(service, "find", "/app", "-name", "requirements.txt")
        assert found.stdout.split() == [f"/app/services/{service}/requirements.txt"]


@matrix_on_kafka
def test_the_page_shows_every_service_done(system: Containers) -> None:
    assert "<title>" in system.page()
    seen = system.watch(until=lambda seen: seen["verdict"]["light"] == "done")
    assert seen["verdict"]["orders"] == len(system.order_ids())
    assert seen["services"].keys() == set(CONSUMERS)
    for name in CONSUMERS:
        assert seen["services"][name]["unreachable"] is None
        assert seen["services"][name]["told"]["queue"]["dead"] == 0


@matrix_on_kafka
def test_ports_are_published_on_this_machine_only(system: Containers) -> None:
    published = [
        (binding["HostIp"], int(binding["HostPort"]))
        for container in system.inspect()
        for bindings in (container["HostConfig"]["PortBindings"] or {}).values()
        for binding in bindings
    ]
    assert sorted(published) == sorted(("127.0.0.1", port) for port in system.ports.values())


@matrix_on_kafka
def test_a_database_accepts_only_its_own_service(system: Containers) -> None:
    done = system.inside("postgres", "bash", "-c", WHO_CAN_CONNECT_WHERE)
    assert done.stdout.split("\n")[:-1] == [f"{name} to {name}" for name in DATABASES]


def test_containers_killed_under_load_come_back_without_loss(system: Containers) -> None:
    before = len(system.order_ids())
    placing = system.begin_placing(600, rate=10)
    eventually(lambda: len(system.order_ids()) > before, "orders arrive", within=TIMES_UP)
    # The process crashes during its work, and the engine restarts the container.
    system.inside("email", "python", "-c", KILL_THE_PROCESS)
    system.crashes += MAILS_AT_A_TIME
    # A container killed with `docker kill` stays down until it is started again.
    system.compose("kill", "inventory")
    system.compose("restart", "sms")
    system.compose("restart", system.broker)
    system.compose("start", "inventory")
    system.compose("restart", "postgres")
    system.crashes += MAILS_AT_A_TIME
    assert placing.poll() is None, "all orders were placed before the last fault"
    finish(placing)
    assert len(system.order_ids()) == before + 600
    assert restarts(system, "email") == 1
    assert_kept(system)


def restarts(system: Containers, service: str) -> int:
    (container,) = system.ids(service)
    asked = ["docker", "inspect", "--format", "{{.RestartCount}}", container]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)


@matrix_on_kafka
def test_pruning_works_in_every_service_and_keeps_recent_records(system: Containers) -> None:
    mails = mails_written_down(system)
    assert system.prune() == 0
    assert mails_written_down(system) == mails
    assert_kept(system)


@matrix_on_kafka
def test_three_email_containers_share_the_work(system: Containers) -> None:
    system.up("--scale", "email=3")
    containers = system.ids("email")
    assert len(containers) == 3
    before = [mails_sent_by(container) for container in containers]
    system.place(300, rate=50)
    assert_kept(system)
    sent = [
        mails_sent_by(container) - was for container, was in zip(containers, before, strict=True)
    ]
    assert (sum(sent), min(sent) > 0) == (300, True), sent


def mails_sent_by(container: str) -> int:
    asked = ["docker", "logs", container]
    logs = subprocess.run(asked, capture_output=True, text=True, check=True)
    return sum("delivery.applied" in line for line in (logs.stdout + logs.stderr).splitlines())


def test_a_latecomer_can_read_past_events(system: Containers) -> None:
    orders = len(system.order_ids())
    system.compose("--profile", "latecomer", "up", "--detach", "--wait", "shipping")
    if system.broker == "kafka":
        expect_shipments(system, orders)
    system.place(1)
    expected = orders + 1 if system.broker == "kafka" else 1
    expect_shipments(system, expected)
    # By then any duplicate would have arrived too.
    assert_kept(system)
    assert shipments(system) == expected
    # Events published twice because of a broker restart are stored twice and applied once.
    assert system.replay("shipping")["applied"] == orders + 1 - expected
    assert shipments(system) == orders + 1


def expect_shipments(system: Containers, number: int) -> None:
    eventually(lambda: shipments(system) == number, f"{number} shipments", within=TIMES_UP)


def shipments(system: Containers) -> int:
    return count_in(system, "shipping", "SELECT count(*) FROM shipments")


@matrix_on_kafka
def test_orders_survive_down_and_up(system: Containers) -> None:
    orders = system.order_ids()
    system.down()
    system.up()
    assert system.order_ids() == orders
    report = system.audit()
    assert (report["accepted"], report["answered"]) == (len(orders), len(orders))
    # Mailpit's store is left out: it is a third-party image, and these tests check the services'
    # own records.
    kept = {name: number for name, number in applied(report).items() if name != "email"}
    assert kept == dict.fromkeys(("sms", "inventory", "analytics"), len(orders))
    assert mails_written_down(system) == len(orders)


def mails_written_down(system: Containers) -> int:
    return count_in(system, "email", COUNT_MAILS)


def count_in(system: Containers, database: str, query: str) -> int:
    command = ("psql", "-U", "postgres", "-d", database, "-Atc", query)
    return int(system.inside("postgres", *command).stdout)
