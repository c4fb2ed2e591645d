"""gunicorn's master remembers the restart delay, since it outlives its workers."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from orderctl.stack.ports import free_port
from tests.waiting import eventually

#: Serves HTTP; its background thread records its start time and crashes.
DYING = """
import os, sys, time
from pathlib import Path
from shared.http.app import create_app
from shared.serving.server import Process, serve
from shared.settings import ServiceSettings

class Dying:
    def start(self, on_death):
        with Path(sys.argv[1]).open("a") as file:
            file.write(f"{time.monotonic()}\\n")
        os.kill(os.getpid(), 9) if sys.argv[3] == "killed" else on_death()

    def stop(self):
        pass

settings = ServiceSettings(port=int(sys.argv[2]))
serve(settings, lambda: Process(create_app(), Dying()))
"""


def beginnings(tmp_path: Path, how: str) -> list[float]:
    began = tmp_path / "began"
    began.touch()
    command = [sys.executable, "-c", DYING, str(began), str(free_port()), how]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: len(began.read_text().split()) == 4, within=60)
        finally:
            process.send_signal(signal.SIGTERM)
    return [float(line) for line in began.read_text().split()]


def test_the_delay_grows_each_time_a_consumer_crashes(tmp_path: Path) -> None:
    first, second, third = (b - a for a, b in pairwise(beginnings(tmp_path, "by itself")))
    assert (first > 1, second > 2, third > 4) == (True, True, True)


def test_the_delay_grows_each_time_a_worker_is_killed(tmp_path: Path) -> None:
    first, second, third = (b - a for a, b in pairwise(beginnings(tmp_path, "killed")))
    assert (first > 1, second > 2, third > 4) == (True, True, True)
