"""Ports, processes and the watchdog of a stack. The end-to-end tests run whole stacks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orderctl.errors import StackError
from orderctl.stack.environment import of_the_machine
from orderctl.stack.parts import MODULES
from orderctl.stack.ports import BLOCK, DEFAULT_PORTS, HOST, free_ports, is_free
from orderctl.stack.process import ROOT, PartProcess
from orderctl.stack.stack import Stack
from orderctl.stack.watchdog import end_groups, send, watch

#: Starts a child process, as gunicorn does, and waits.
PARENT = "tests.unit.orderctl.stack.a_parent"


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:  # also raised by the read if the process ends meanwhile
        return False


@pytest.fixture
def parent(tmp_path: Path) -> PartProcess:
    process = PartProcess(PARENT, {"GREETING": "hello"}, tmp_path / "parent.log")
    until(lambda: bool(process.workers()))
    return process


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports()

    assert set(ports) == set(DEFAULT_PORTS)
    assert len(set(ports.values())) == len(ports)
    assert all(map(is_free, ports.values()))


def test_two_processes_never_get_the_same_free_port() -> None:
    words = (
        "from orderctl.stack.ports import free_ports; "
        "print(*free_ports().values(), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        theirs = set(map(int, other.stdout.readline().split()))
        # More than one block of ports, so that we also try the other process's block.
        ours = {port for _ in range(3 * BLOCK) for port in free_ports(["one"]).values()}
        other.communicate()

    assert len(theirs) == len(DEFAULT_PORTS)
    assert len(ours) == 3 * BLOCK
    assert not theirs & ours


def test_a_port_in_use_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_kill_ends_the_whole_group(parent: PartProcess) -> None:
    [child] = parent.workers()

    parent.kill(signal.SIGKILL)

    assert parent.exit_status == -signal.SIGKILL
    until(lambda: not is_alive(child))


def test_a_stop_leaves_nothing_behind(parent: PartProcess) -> None:
    [child] = parent.workers()

    assert parent.stop() == -signal.SIGTERM
    until(lambda: not is_alive(child))


def test_a_child_can_be_found_without_proc(parent: PartProcess) -> None:
    if not any(Path(folder, "ps").exists() for folder in os.get_exec_path()):
        pytest.skip("there is no ps on this machine; install procps")
    assert parent.workers() == parent._workers_by_ps()
    parent.stop()


def test_a_processs_output_is_in_its_log(parent: PartProcess) -> None:
    parent.stop()

    assert "hello" in parent.log_tail()


def test_settings_for_other_programs_reach_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREETING", "from the shell")
    process = PartProcess(PARENT, {}, tmp_path / "parent.log")
    until(lambda: bool(process.workers()))
    process.stop()

    assert process.log_tail() == "None"


def test_only_system_variables_are_taken_from_the_shell() -> None:
    machine = {"PATH": "/bin", "TMPDIR": "/t", "LC_ALL": "C", "LANG": "C", "TZ": "Asia/Kolkata"}
    settings = ["LOG_LEVEL", "CONCURRENCY", "ORDER_MODE", "DATABASE_URL", "SMTP_TIMEOUT"]
    libraries = ["PGOPTIONS", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "GUNICORN_CMD_ARGS", "ALL_PROXY"]
    more = ["WEB_CONCURRENCY", "FLASK_DEBUG", "LOCUST_USERS", "PYTHONPATH", "GUNICORN_FD"]

    shell = machine | dict.fromkeys([*settings, *libraries, *more], "1")

    assert of_the_machine(shell) == machine


def test_the_log_of_an_earlier_start_is_kept_but_not_shown(
    parent: PartProcess, tmp_path: Path
) -> None:
    parent.stop()
    again = PartProcess(PARENT, {"GREETING": "again"}, tmp_path / "parent.log")
    until(lambda: bool(again.workers()))
    again.stop()

    assert "hello" not in again.log_tail()
    assert "hello" in (tmp_path / "parent.log").read_text()


def test_the_watchdog_tracks_the_remaining_groups() -> None:
    left: list[set[int]] = []

    watch(["+11\n", "+12\n", "-11\n", "+13\n"], left.append)

    assert left == [{12, 13}]


def test_the_watchdog_ends_whole_groups(parent: PartProcess) -> None:
    [child] = parent.workers()

    end_groups({parent.pid}, grace=0.2)

    assert parent.wait(5.0) == -signal.SIGTERM
    until(lambda: not is_alive(child))


def test_a_group_without_members_cannot_be_signalled() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as gone:
        gone.wait()
    assert not send(gone.pid, 0)


def test_a_stack_ends_its_parts_when_an_error_ends_its_block(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Stack(tmp_path) as stack:
        process = stack.start("email", module=PARENT)
        raise RuntimeError("something of the caller's")

    assert process.exit_status == -signal.SIGTERM
    assert stack.running == ()


def test_a_part_that_ends_at_once_is_reported_with_its_last_output(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.start("email", module="tests.unit.no_such_module")
        with pytest.raises(StackError, match="No module named"):
            stack.wait_ready(["email"], timeout=20.0)


def test_a_part_that_does_not_become_ready_is_reported_with_its_reason(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.start("email", module=PARENT)
        with pytest.raises(StackError, match=r"email is not ready after 0\.2 s"):
            stack.wait_ready(["email"], timeout=0.2)


def test_only_the_worker_is_killed_on_request(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        process = stack.start("email", module=PARENT)
        until(lambda: bool(process.workers()))
        [child] = process.workers()
        stack.kill("email", only_worker=True)

        until(lambda: not is_alive(child))
        assert stack.running == ("email",)


def test_a_running_part_is_not_started_twice(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.start("email", module=PARENT)
        with pytest.raises(StackError, match="stop it first"):
            stack.start("email", module=PARENT)


def test_parts_get_the_addresses_of_all_others(tmp_path: Path) -> None:
    stack = Stack(
        tmp_path, work_times={"email": 2.0}, environment={"email": {"LOG_LEVEL": "debug"}}
    )
    ports = stack.plan.ports
    environment = stack.plan.environment("email")

    assert environment["PORT"] == str(ports["email"])
    assert environment["SMTP_PORT"] == str(ports["smtp"])
    assert environment["WORK_TIME"] == "2"
    assert environment["LOG_LEVEL"] == "debug"
    assert environment["DATABASE_URL"] == f"sqlite:///{tmp_path.resolve()}/email.db"
    relay = stack.plan.environment("order-relay")
    assert relay["DATABASE_URL"] == stack.plan.environment("order")["DATABASE_URL"]


def test_the_audit_gets_the_same_addresses(tmp_path: Path) -> None:
    stack = Stack(tmp_path, ladder=(0.1, 2.0))

    assert stack.addresses.order_url == stack.urls["order"]
    assert stack.addresses.sms_gateway_url == stack.urls["sms_gateway"]
    assert stack.addresses.mail_url == stack.urls["mail_sink"]
    assert stack.addresses.retry_ladder == (0.1, 2.0)
    assert set(stack.urls) == set(MODULES)


def test_parts_end_when_their_caller_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from orderctl.stack.stack import Stack\n"
        "with Stack(pathlib.Path(sys.argv[1])) as stack:\n"
        f"    print(stack.start('email', module={PARENT!r}).pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as caller:
        assert caller.stdout
        part = int(caller.stdout.readline())
        assert is_alive(part)
        caller.kill()

    until(lambda: not is_alive(part))
