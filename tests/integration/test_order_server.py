"""The order service under gunicorn with two workers: bodies of every kind, and metrics."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from services.order.counting import RESERVED_BYTES
from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.schema import create_schema
from tests.order_service import AN_ORDER
from tests.raw_client import connect, read_to_end
from tests.service_process import ROOT, ServiceProcess
from tests.waiting import eventually

BODY = json.dumps(AN_ORDER).encode()
JSON = {"content-type": "application/json"}


@pytest.fixture
def server(sqlite_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    engine.dispose()
    with ServiceProcess("services.order", tmp_path, DATABASE_URL=sqlite_url) as started:
        yield started


def in_pieces(body: bytes) -> Iterator[bytes]:
    """Sent without a Content-Length: httpx uses the chunked encoding for an iterator."""
    for begin in range(0, len(body), 1000):
        yield body[begin : begin + 1000]


def post(server: ServiceProcess, content: bytes | Iterator[bytes]) -> httpx.Response:
    return httpx.post(server.url + "/orders", content=content, headers=JSON, timeout=20)


def orders(server: ServiceProcess) -> int:
    return len(server.get("/orders?limit=1000")["orders"])


def counted(server: ServiceProcess, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", server.get_text("/metrics"), re.MULTILINE)
    return float(found[1]) if found else 0.0


def workers(server: ServiceProcess) -> list[int]:
    """The process ids of all workers started so far."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.log)]


def test_an_order_is_accepted_whole_or_in_pieces(server: ServiceProcess) -> None:
    assert post(server, BODY).status_code == 202
    assert post(server, in_pieces(BODY)).status_code == 202
    assert orders(server) == 2
    assert "order.placed" in server.log


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_64_kib_is_refused(server: ServiceProcess, chunked: bool) -> None:
    just_right = BODY.ljust(64 * 1024)
    too_much = just_right + b" "
    refused = post(server, in_pieces(too_much) if chunked else too_much)
    assert (refused.status_code, refused.headers["content-type"]) == (
        413,
        "application/problem+json",
    )
    assert post(server, in_pieces(just_right) if chunked else just_right).status_code == 202
    assert orders(server) == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Idempotency-Key", ('"a"', '"b"')),
        ("Idempotency-Key", ("a", "b")),
        ("Idempotency-Key", ('"a', 'b"')),
        ("Authorization", ("Bearer a", "Bearer a")),
        ("Content-Type", ("application/json", "application/json")),
        ("ce-id", ("a", "b")),
        ("Host", ("127.0.0.1", "127.0.0.1")),
    ],
)
def test_a_duplicate_header_is_refused(
    server: ServiceProcess, name: str, values: tuple[str, str]
) -> None:
    usual = {"Host": "127.0.0.1", "Content-Type": "application/json"}
    others = [pair for pair in usual.items() if pair[0] != name]
    fields = [*others, *((name, value) for value in values), ("Content-Length", str(len(BODY)))]
    head = "".join(f"{field}: {value}\r\n" for field, value in fields)
    with connect(server.url, f"POST /orders HTTP/1.1\r\n{head}\r\n".encode() + BODY) as client:
        assert read_to_end(client).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert orders(server) == 0


def test_a_body_without_end_is_cut_off(server: ServiceProcess) -> None:
    """A client that never stops sending gets an error response or is disconnected."""

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 10_000

    # Or the client is still writing when the server closes the connection.
    with suppress(httpx.TransportError):
        assert post(server, endless()).status_code == 413
    assert orders(server) == 0


def test_every_worker_reports_the_counts_of_all_workers(server: ServiceProcess) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: post(server, BODY), range(60)))
    assert {answer.status_code for answer in answers} == {202}
    assert post(server, b"{}").status_code == 422
    placed = 'http_requests_total{method="POST",route="/orders",status="202"}'
    # Each scrape has its own connection, and may reach either worker.
    for _ in range(10):
        assert counted(server, placed) == 60
        assert counted(server, "orders_placed_total") == 60
        assert counted(server, "outbox_pending") == 60
    assert counted(server, placed.replace("202", "422")) == 1
    seconds = 'http_request_duration_seconds_count{method="POST",route="/orders"}'
    assert counted(server, seconds) == 61
    assert counted(server, "outbox_oldest_age_seconds") > 0


def test_unknown_methods_and_paths_create_no_time_series(server: ServiceProcess) -> None:
    for number in range(3):
        httpx.request(f"METHOD{number}", f"{server.url}/path-{number}")
    made_up = 'http_requests_total{method="other",route="unmatched",status="404"}'
    assert counted(server, made_up) == 3
    assert "path-" not in server.get_text("/metrics")


def test_a_killed_worker_is_replaced_and_its_counts_remain(server: ServiceProcess) -> None:
    assert post(server, BODY).status_code == 202
    eventually(lambda: len(workers(server)) == 2)
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(workers(server)) == 4)
    eventually(lambda: _is_accepted(server))
    assert counted(server, "orders_placed_total") == orders(server)


def _is_accepted(server: ServiceProcess) -> bool:
    try:
        return post(server, BODY).status_code == 202
    except httpx.TransportError:
        return False


def test_orders_are_accepted_after_the_metrics_folder_was_emptied(
    server: ServiceProcess, tmp_path: Path
) -> None:
    [folder] = tmp_path.glob("order-metrics-*")
    shutil.rmtree(folder)
    assert [post(server, BODY).status_code for _ in range(6)] == [202] * 6
    assert httpx.get(server.url + "/metrics").status_code == 200
    eventually(lambda: len(workers(server)) == 2)
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(workers(server)) == 4)
    eventually(lambda: _is_accepted(server))
    assert [post(server, BODY).status_code for _ in range(6)] == [202] * 6
    assert counted(server, "orders_placed_total") > 0


def test_disk_space_for_metrics_is_reserved_in_advance(
    server: ServiceProcess, tmp_path: Path
) -> None:
    """Without the reservation, incrementing a counter on a full disk raises SIGBUS."""
    [folder] = tmp_path.glob("order-metrics-*")
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "OTHER"):
        for path in ("/orders", "/orders/x", "/metrics", "/docs", "/outbox", "/faults", "/x"):
            httpx.request(method, server.url + path)
    sizes = [(file.stat().st_size, file.stat().st_blocks * 512) for file in folder.iterdir()]
    assert sizes == [(RESERVED_BYTES, RESERVED_BYTES)] * 6


def test_a_new_start_counts_from_zero_and_leaves_no_files(
    server: ServiceProcess, tmp_path: Path
) -> None:
    post(server, BODY)
    assert len(list(tmp_path.glob("order-metrics-*"))) == 1
    server.end()
    assert list(tmp_path.glob("order-metrics-*")) == []
    server.start()
    assert counted(server, "orders_placed_total") == 0
    assert counted(server, "outbox_pending") == 1


def test_an_invalid_setting_prevents_the_start(tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(ROOT), "WORKERS": "many", "OUTBOX_LIMIT": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", "services.order"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    for line, name in zip(
        ended.stderr.splitlines(), ["DATABASE_URL", "OUTBOX_LIMIT", "WORKERS"], strict=True
    ):
        assert line.startswith(name)
