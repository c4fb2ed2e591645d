"""The system in containers: a Compose project of its own, beside whatever else runs here."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from orderctl.stack.ports import free_port
from orderctl.stack.process import ROOT

TOKEN = "operators-of-a-test"
#: The ledger of answers, in the volume of orderctl.
LEDGER = "accepted.ndjson"
#: Longer than anything here takes on a busy machine.
PATIENCE_SECONDS = 600
#: The page has confirmed everything long before.
WATCHED_SECONDS = 60
#: The last lines of each container's log, shown when it does not come up.
LOG_LINES = "25"


#: For each broker: the files that Compose lays over each other, and what is published.
FILES = {
    "rabbitmq": ("docker-compose.yml",),
    "kafka": ("docker-compose.yml", "docker-compose.kafka.yml"),
}
PORTS = {
    "rabbitmq": ("ORDER_PORT", "MAIL_PORT", "DASHBOARD_PORT", "RABBITMQ_PORT"),
    "kafka": ("ORDER_PORT", "MAIL_PORT", "DASHBOARD_PORT"),
}


class Containers:
    """`settings`: variables that docker-compose.yml takes, for instance EMAIL_WORK_TIME.

    `crashes`: how many mails may have gone twice.
    """

    def __init__(
        self, project: str, broker: str = "rabbitmq", settings: Mapping[str, str] | None = None
    ) -> None:
        self.project = project
        self.broker = broker
        self.crashes = 0
        self.ports = {name: free_port() for name in PORTS[broker]}
        self._settings = settings or {}

    def up(self, *words: str) -> None:
        """Start everything and wait until it is healthy; raises with the logs when it is not."""
        done = self.compose("up", "--detach", "--wait", *words, check=False)
        if done.returncode:
            states = self.compose("ps", "--all", check=False).stdout
            logs = self.compose("logs", "--tail", LOG_LINES, check=False).stdout
            raise RuntimeError(f"it does not come up\n{done.stderr}\n{states}\n{logs}")

    def down(self, *words: str) -> None:
        # With the profiles, or what belongs to them would be left.
        profile = ("--profile", "tools", "--profile", "latecomer")
        self.compose(*profile, "down", "--remove-orphans", "--timeout", "60", *words)

    def compose(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose`; raises with what it said when it fails and `check` is set."""
        with self.begin(*words) as running:
            output, errors = running.communicate(timeout=PATIENCE_SECONDS)
        done = subprocess.CompletedProcess(words, running.returncode, output, errors)
        if check and done.returncode:
            raise RuntimeError(f"docker compose {' '.join(words)}\n{errors}\n{output}")
        return done

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["docker", "compose", *words],
            cwd=ROOT,
            env=os.environ | self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """With these variables any `docker compose` means this project."""
        ports = {name: str(port) for name, port in self.ports.items()}
        own = {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": os.pathsep.join(FILES[self.broker]),
            "OPERATOR_TOKEN": TOKEN,
        }
        return {**ports, **own, **self._settings}

    def ids(self, *services: str) -> list[str]:
        """Ids of the containers that run, of these services or of all."""
        return self.compose("ps", "--quiet", *services).stdout.split()

    def inside(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a service's container; its failure is the caller's to judge."""
        return self.compose("exec", "-T", service, *command, check=False)

    def inspect(self) -> list[dict[str, Any]]:
        """What the engine knows about each container that runs."""
        done = subprocess.run(
            ["docker", "inspect", *self.ids()], capture_output=True, text=True, check=True
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def begin_placing(self, number: int, *, rate: float) -> "subprocess.Popen[str]":
        words = ("--count", str(number), "--rate", f"{rate:g}", "--patience", "60")
        return self.begin(*_orderctl("place", "--json", "--accepted", LEDGER, *words))

    def place(self, number: int, *, rate: float = 50) -> None:
        finish(self.begin_placing(number, rate=rate))

    def audit(self) -> dict[str, Any]:
        """The strict audit's report; its exit status is in it as well."""
        crashes = ("--crashes", str(self.crashes))
        words = ("audit", "--json", "--strict", "--accepted", LEDGER, *crashes)
        done = self.compose(*_orderctl(*words), check=False)
        assert done.returncode in (0, 1), f"{done.stderr}\n{done.stdout}"
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def replay(self, service: str) -> dict[str, Any]:
        """What the service did with all stored events."""
        words = ("replay", service, "--from", "beginning", "--json")
        report: dict[str, Any] = json.loads(self.compose(*_orderctl(*words)).stdout)
        return report

    def prune(self) -> int:
        """The status of the prune of every service, as `make prune` runs it."""
        return subprocess.run(
            ["tools/prune"], cwd=ROOT, env=os.environ | self.environment(), check=False
        ).returncode

    def order_ids(self) -> list[str]:
        """Of every order that is written down, through the published port."""
        found: list[str] = []
        query: dict[str, str] = {"limit": "1000"}
        while True:
            page = self._get("/orders", query)
            found += [order["orderId"] for order in page["orders"]]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def page(self) -> str:
        """The dashboard's page."""
        return httpx.get(self._dashboard, timeout=30, trust_env=False).raise_for_status().text

    def watch(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first snapshot in the dashboard's stream of which this holds."""
        url = f"{self._dashboard}/api/stream"
        deadline = time.monotonic() + WATCHED_SECONDS
        with httpx.stream("GET", url, timeout=30, trust_env=False) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    seen: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    if until(seen):
                        return seen
                assert time.monotonic() < deadline, f"what is seen at last: {line}"
        raise AssertionError("the stream has ended")

    @property
    def _dashboard(self) -> str:
        return f"http://127.0.0.1:{self.ports['DASHBOARD_PORT']}"

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        url = f"http://127.0.0.1:{self.ports['ORDER_PORT']}{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.get(url, params=query, headers=headers, timeout=30, trust_env=False)
        return answer.raise_for_status().json()


def finish(running: "subprocess.Popen[str]") -> None:
    """Wait until all orders are placed; raises unless every one was answered with 202."""
    output, errors = running.communicate(timeout=PATIENCE_SECONDS)
    if running.returncode:
        raise RuntimeError(f"not every order was accepted\n{errors}\n{output}")


def _orderctl(*words: str) -> Sequence[str]:
    return ("run", "--rm", "-T", "orderctl", *words)
