"""An audit that cannot finish reports why, with status 3 and without a verdict."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from flask import Flask

from orderctl.audit.unfinished import finished_or_not
from orderctl.errors import EvidenceUnreadable
from orderctl.stack.process import ROOT
from tests.serving import served
from tests.waiting import eventually

#: The maximum file size in kilobytes, to simulate a full disk.
DISK = 200


def small_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK * 1024, DISK * 1024))


def test_a_full_disk_is_reported() -> None:
    auditing = subprocess.run(
        [sys.executable, "-m", "tests.unit.orderctl.audit.at_scale", "2000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=small_disk,
    )

    assert auditing.returncode == 1
    assert "The audit cannot store its evidence" in auditing.stderr
    assert "set TMPDIR" in auditing.stderr


def test_too_little_memory_is_reported() -> None:
    with pytest.raises(EvidenceUnreadable, match="ran out of memory"), finished_or_not():
        raise MemoryError


class SlowOrders:
    """An order service that does not respond before the end of the test."""

    def __init__(self) -> None:
        self.asked, self.over = Event(), Event()
        self.app = Flask("slow")
        self.app.add_url_rule("/orders", view_func=self._orders)

    def _orders(self) -> dict[str, str]:
        self.asked.set()
        self.over.wait(60)
        return {}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_audit_gives_no_verdict(tmp_path: Path, end: signal.Signals) -> None:
    order = SlowOrders()
    with served(order.app) as url:
        auditing = subprocess.Popen(
            [sys.executable, "-m", "orderctl", "audit", "--json"],
            cwd=ROOT,
            env=os.environ
            | {"ORDER_URL": url, "BROKER_URL": f"sqlite:///{tmp_path}/no.db", "CONSUMERS": "email"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(order.asked.is_set)
        auditing.send_signal(end)
        output, errors = auditing.communicate(timeout=60)
        order.over.set()

    said = "The audit was interrupted, so there is no verdict."
    assert (auditing.returncode, json.loads(output)) == (3, {"error": said})
    assert errors.splitlines()[-1] == said
