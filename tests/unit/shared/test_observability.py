"""Every log line is JSON with service, order, event and attempt."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from shared.observability import configure_logging
configure_logging("email", "info")
log = structlog.get_logger()
log.debug("not.shown")
log.warning("delivery.retried", order="ord-1", event_id="e-1", attempt=2)
try:
    raise ValueError("refused")
except ValueError:
    log.exception("worker.died")
logging.getLogger("gunicorn.error").info("Booting worker with pid: %d", 7)
logging.getLogger("pika").error("a stack trace that is raised as well")
"""


def test_our_log_lines_and_the_libraries_have_one_format() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    retried, died, booting = map(json.loads, done.stderr.splitlines())

    assert done.stdout == ""
    assert retried.pop("timestamp").endswith("Z")
    assert retried == {
        "event": "delivery.retried",
        "level": "warning",
        "service": "email",
        "order": "ord-1",
        "event_id": "e-1",
        "attempt": 2,
    }
    assert "ValueError: refused" in died["exception"]
    assert (booting["event"], booting["service"]) == ("Booting worker with pid: 7", "email")
