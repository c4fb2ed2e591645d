"""When logs cannot be written, only log lines are lost."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from orderctl.stack.ports import free_port
from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.transport import connect
from tests.order_service import AN_ORDER
from tests.relay_parts import CONSUMERS
from tests.service_process import ROOT
from tests.waiting import eventually

BODY = json.dumps(AN_ORDER).encode()


class Service:
    """`python -m MODULE`, with its output redirected by the test."""

    def __init__(self, module: str, folder: Path, output: int | None, **more: Any) -> None:
        self.port = free_port()
        settings = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "TMPDIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/test.db",
            "BROKER_URL": f"sqlite:///{folder}/broker.db",
            "CONSUMERS": ",".join(CONSUMERS),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **more,
        )

    def get(self, path: str) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).status_code
        except httpx.TransportError:
            return 0

    def place(self) -> int:
        url, headers = f"http://127.0.0.1:{self.port}/orders", {"content-type": "application/json"}
        return httpx.post(url, content=BODY, headers=headers, timeout=10).status_code

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


@contextmanager
def running(module: str, folder: Path, output: int | None, **more: Any) -> Iterator[Service]:
    service = Service(module, folder, output, **more)
    try:
        eventually(lambda: service.get("/health/live") == 200)
        yield service
    finally:
        assert service.end() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    create_schema(engine, metadata)
    engine.dispose()
    connect(f"sqlite:///{tmp_path}/broker.db").declare(CONSUMERS)
    return tmp_path


def published(folder: Path) -> int:
    return connect(f"sqlite:///{folder}/broker.db").depth("email").ready


def limit_files() -> None:
    """Limit the size of every file, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, 8_000_000))


def close_all() -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)


def assert_all_is_done(order: Service, folder: Path, output: int | None, **more: Any) -> None:
    """Start a relay with the same output, and assert that every order is published."""
    with running("services.order.relay", folder, output, **more) as relay:
        assert [order.place() for _ in range(20)] == [202] * 20
        eventually(lambda: published(folder) == 20)
        assert (relay.get("/health/live"), relay.get("/health/ready")) == (200, 200)


def test_the_reader_of_the_pipe_has_closed_it(folder: Path) -> None:
    reader, writer = os.pipe()
    with running("services.order", folder, writer) as order:
        os.close(reader)
        assert_all_is_done(order, folder, writer)
    os.close(writer)


def test_the_reader_of_the_pipe_does_not_read(folder: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            pass
    os.set_blocking(writer, True)
    with running("services.order", folder, writer) as order:
        assert_all_is_done(order, folder, writer)
    os.close(reader)
    os.close(writer)


def test_the_disk_is_full_for_a_while(folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as full:
        full.truncate(8_000_000)
    with log.open("ab") as output:
        with running("services.order", folder, output.fileno(), preexec_fn=limit_files) as order:
            assert_all_is_done(order, folder, output.fileno(), preexec_fn=limit_files)
            assert log.stat().st_size == 8_000_000
            os.truncate(log, 0)
            assert order.place() == 202
        assert "log.lines_lost" in log.read_text()
        assert "order.placed" in log.read_text()


def test_standard_output_and_error_are_closed(folder: Path) -> None:
    with running("services.order", folder, None, preexec_fn=close_all) as order:
        assert_all_is_done(order, folder, None, preexec_fn=close_all)
