"""The system in containers, as a separate Compose project."""

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
#: The ledger of responses, in orderctl's volume.
LEDGER = "accepted.ndjson"
#: Seconds. Longer than any step takes on a busy machine.
PATIENCE_SECONDS = 600
#: Seconds. The page shows everything as done long before.
WATCHED_SECONDS = 60
#: The number of log lines per container, shown when the system does not start.
LOG_LINES = "25"


#: For each broker: the Compose files, and the published ports.
FILES = {
    "rabbitmq": ("docker-compose.yml",),
    "kafka": ("docker-compose.yml", "docker-compose.kafka.yml"),
}
PORTS = {
    "rabbitmq": ("ORDER_PORT", "MAIL_PORT", "DASHBOARD_PORT", "RABBITMQ_PORT"),
    "kafka": ("ORDER_PORT", "MAIL_PORT", "DASHBOARD_PORT"),
}


class Containers:
    """`settings`: variables for docker-compose.yml, for instance EMAIL_WORK_TIME.

    `crashes`: the number of mails that may have been sent twice.
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
        # With all profiles, or their containers would be left.
        profile = ("--profile", "tools", "--profile", "latecomer")
        self.compose(*profile, "down", "--remove-orphans", "--timeout", "60", *words)

    def compose(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose`; raises with its output when it fails and `check` is set."""
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
        """The variables with which `docker compose` uses this project."""
        ports = {name: str(port) for name, port in self.ports.items()}
        own = {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": os.pathsep.join(FILES[self.broker]),
            "OPERATOR_TOKEN": TOKEN,
        }
        return {**ports, **own, **self._settings}

    def ids(self, *services: str) -> list[str]:
        """Ids of the running containers of these services, or of all services."""
        return self.compose("ps", "--quiet", *services).stdout.split()

    def inside(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a service's container; does not check its status."""
        return self.compose("exec", "-T", service, *command, check=False)

    def inspect(self) -> list[dict[str, Any]]:
        """The output of `docker inspect` for each running container."""
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
        """The strict audit's report, including its exit status."""
        crashes = ("--crashes", str(self.crashes))
        words = ("audit", "--json", "--strict", "--accepted", LEDGER, *crashes)
        done = self.compose(*_orderctl(*words), check=False)
        assert done.returncode in (0, 1), f"{done.stderr}\n{done.stdout}"
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def replay(self, service: str) -> dict[str, Any]:
        """Replay all stored events; returns the service's summary."""
        words = ("replay", service, "--from", "beginning", "--json")
        report: dict[str, Any] = json.loads(self.compose(*_orderctl(*words)).stdout)
        return report

    def prune(self) -> int:
        """Prune every service as `make prune` does; returns the status."""
        return subprocess.run(
            ["tools/prune"], cwd=ROOT, env=os.environ | self.environment(), check=False
        ).returncode

    def order_ids(self) -> list[str]:
        """The ids of all stored orders, through the published port."""
        found: list[str] = []
        query: dict[str, str] = {"limit": "1000"}
        while True:
            page = self._get("/orders", query)
            found += [order["orderId"] for order in page["orders"]]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def page(self) -> str:
        """The HTML of the dashboard's page."""
        return httpx.get(self._dashboard, timeout=30, trust_env=False).raise_for_status().text

    def watch(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first snapshot in the dashboard's stream that meets the condition."""
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
    """Wait until all orders are placed; raises unless each response was 202."""
    output, errors = running.communicate(timeout=PATIENCE_SECONDS)
    if running.returncode:
        raise RuntimeError(f"not every order was accepted\n{errors}\n{output}")


def _orderctl(*words: str) -> Sequence[str]:
    return ("run", "--rm", "-T", "orderctl", *words)
