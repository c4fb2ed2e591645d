"""Runs consumer services as processes, on the embedded broker or another one."""

import json
import subprocess
from pathlib import Path
from typing import Any

from orderctl.stack.process import Start
from shared.events import Event
from shared.sqlite_address import sqlite_url
from shared.transport import Depth, connect
from shop.consumers import CONSUMERS
from tests.asking import client
from tests.builders import a_message
from tests.service_process import ROOT, ServiceProcess
from tests.waiting import eventually
from tests.zygote.client import fork_python, python

#: Short rungs, so that a test reaches the end of the ladder.
LADDER = "0.1,0.2"


class Pipeline:
    """`folder` contains the embedded broker's file, the databases and the logs. `start` starts
    services.
    """

    def __init__(
        self, folder: Path, broker_url: str | None = None, start: Start = fork_python
    ) -> None:
        self._folder = folder
        self._start = start
        self._broker_url = broker_url or sqlite_url(folder / "broker.db")
        self.broker = connect(self._broker_url, [float(rung) for rung in LADDER.split(",")])
        self.broker.declare(CONSUMERS)

    def publish(self, *events: Event) -> None:
        with self.broker.publisher() as publisher:
            publisher.publish([a_message(event) for event in events])

    def service(self, name: str, **settings: str) -> ServiceProcess:
        """A consumer service with its tables created; a `with` block starts it."""
        settings.setdefault("DATABASE_URL", self.database_url(name))
        settings.setdefault("BROKER_URL", self._broker_url)
        self._run(f"services.{name}.migrate", DATABASE_URL=settings["DATABASE_URL"])
        return ServiceProcess(
            f"services.{name}",
            self._folder,
            self._start,
            RETRY_LADDER=LADDER,
            **settings,
        )

    def relay(self, database_url: str) -> ServiceProcess:
        """An order relay, with the tables of the order service created."""
        return ServiceProcess(
            "services.order.relay",
            self._folder,
            self._start,
            BROKER_URL=self._broker_url,
            RETRY_LADDER=LADDER,
            DATABASE_URL=database_url,
        )

    def simulator(self, name: str, **settings: str) -> ServiceProcess:
        url = self.database_url(name)
        return ServiceProcess(
            f"simulators.{name}", self._folder, self._start, DATABASE_URL=url, **settings
        )

    def database_url(self, name: str) -> str:
        return sqlite_url(self._folder / f"{name}.db")

    def wait_settled(self, name: str) -> None:
        """Wait until nothing is ready, in progress or on a rung; dead letters remain."""
        eventually(lambda: self._open(name) == 0)

    def _open(self, name: str) -> int:
        depth = self.broker.depth(name)
        return depth.ready + depth.retrying

    def depth(self, name: str) -> Depth:
        return self.broker.depth(name)

    def _run(self, module: str, **settings: str) -> None:
        command = [python(), "-m", module]
        subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), **settings}, check=True)


def lines(service: ServiceProcess, path: str) -> list[dict[str, Any]]:
    """The JSON objects of an NDJSON response."""
    return [json.loads(line) for line in service.get_text(path).splitlines()]


def post_event(service: ServiceProcess, event: Event) -> tuple[int, Any]:
    """Post an event in CloudEvents binary mode; returns status and JSON."""
    message = a_message(event)
    attributes = ("id", "type", "source", "time")
    headers = {f"ce-{name}": getattr(message, name) for name in attributes}
    answer = client().post(
        service.url + "/events", content=message.body, headers=headers, timeout=20
    )
    return answer.status_code, answer.json()


def wait_ready(service: ServiceProcess) -> None:
    eventually(lambda: service.get("/health/ready")["ready"])
