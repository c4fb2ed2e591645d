"""Runs locust without its web page, and shows its progress."""

import subprocess
import sys
import time
from collections.abc import Sequence

from loadtest.outcome import LOG, REPORT, LoadPlan
from orderctl.errors import CommandError
from orderctl.progress import Tell
from orderctl.stack.environment import of_the_machine
from orderctl.stack.process import ROOT

LEDGER = "accepted.ndjson"
RESULTS = "results.json"
CSV = "stats"
#: Time for locust to start, and for its last requests to finish.
MARGIN_SECONDS = 60.0
POLL_SECONDS = 0.5


class Locust:
    def __init__(self, plan: LoadPlan, url: str) -> None:
        self._plan = plan
        self._url = url
        self._folder = plan.folder.resolve()

    def run(self, tell: Tell) -> int:
        """Its exit status. Raises CommandError if it does not end."""
        with (self._folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                # Without LOCUST_USERS and the like, which would override the options.
                env=of_the_machine(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            try:
                return self._wait(process, tell)
            finally:
                process.kill()
                process.wait()

    def command(self) -> Sequence[str]:
        locust = [sys.executable, "-m", "locust", "--locustfile", "loadtest/locustfile.py"]
        load = ["--users", str(self._plan.users), "--run-time", f"{self._plan.seconds:g}s"]
        tags = ["--tags", *self._plan.tags] if self._plan.tags else []
        written = {
            "--accepted": LEDGER,
            "--html": REPORT,
            "--csv": CSV,
            # Locust appends .json to this name.
            "--json-file": RESULTS.removesuffix(".json"),
        }
        files = [word for option, name in written.items() for word in (option, self._path(name))]
        where = ["--host", self._url, "--headless", "--only-summary", "--csv-full-history"]
        return [*locust, *where, *load, *tags, *files]

    def _path(self, name: str) -> str:
        return str(self._folder / name)

    def _wait(self, process: "subprocess.Popen[bytes]", tell: Tell) -> int:
        began = time.monotonic()
        while process.poll() is None:
            elapsed = time.monotonic() - began
            if elapsed > self._plan.seconds + MARGIN_SECONDS:
                raise CommandError(
                    f"locust did not end within {elapsed:.0f} s: see {self._plan.folder / LOG}."
                )
            tell(
                f"locust: {min(elapsed, self._plan.seconds):.0f} of {self._plan.seconds:g} s, "
                f"{self._answers():,} orders answered"
            )
            time.sleep(POLL_SECONDS)
        return process.returncode

    def _answers(self) -> int:
        ledger = self._folder / LEDGER
        return ledger.read_bytes().count(b"\n") if ledger.exists() else 0
