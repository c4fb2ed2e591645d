"""Clients of a service that breaks off in the middle of a response."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import msgspec
import pytest

from orderctl.ask_again import ATTEMPTS
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.errors import EvidenceUnreadable
from orderctl.http_client import open_client
from orderctl.stack.ports import free_port
from tests.waiting import eventually

LINES = 1000
#: Serves a list. For each byte in its file, it breaks off one response before the last line.
BREAKING_OFF = """
import os, sys
from pathlib import Path
from flask import Response
from shared.errors import DatabaseUnavailable
from shared.http.app import create_app
from shared.serving.server import Process, serve
from shared.settings import ServiceSettings

left, lines, how = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
app = create_app()

@app.get("/effects")
def effects():
    return Response(numbers(), content_type="application/x-ndjson")

def numbers():
    for number in range(lines):
        if number == lines - 1 and left.stat().st_size:
            left.write_text(left.read_text()[1:])
            break_off()
        yield '{"number": %d}\\n' % number

def break_off():
    if how == "killed":
        os.kill(os.getpid(), 9)
    raise DatabaseUnavailable("database is locked") if how == "database" else OSError("disk")

serve(ServiceSettings(port=int(sys.argv[1])), lambda: Process(app))
"""

however_it_breaks = pytest.mark.parametrize("how", ["killed", "database", "disk"])


class Row(msgspec.Struct):
    number: int


@contextmanager
def breaking_off(folder: Path, times: int, how: str) -> Iterator[str]:
    """The service's base URL."""
    port, left = free_port(), folder / "left"
    left.write_text("x" * times)
    command = [sys.executable, "-c", BREAKING_OFF, str(port), str(left), str(LINES), how]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: answers(url), within=60)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/live", trust_env=False).is_success
    return False


@however_it_breaks
def test_a_list_that_breaks_off_is_requested_again_and_read_to_its_end(
    tmp_path: Path, how: str
) -> None:
    with breaking_off(tmp_path, ATTEMPTS - 1, how) as url, open_client() as client:
        rows = list(EvidenceClient(client, "inventory", url).lines("/effects", Row))
    assert [row.number for row in rows] == list(range(LINES))


@however_it_breaks
def test_a_list_that_always_breaks_off_is_not_taken_for_complete(tmp_path: Path, how: str) -> None:
    with breaking_off(tmp_path, ATTEMPTS, how) as url, open_client() as client:
        with pytest.raises(EvidenceUnreadable, match=r"inventory at .*/effects cannot be read"):
            list(EvidenceClient(client, "inventory", url).lines("/effects", Row))
        assert (tmp_path / "left").read_text() == ""
