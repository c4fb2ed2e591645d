"""One scenario in one mode: what happens while orders come, and what becomes of it."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from orderctl.audit.ledger import Ledger
from orderctl.audit.quiet import BacklogSnapshot
from orderctl.compare.runner import ScenarioRunner
from orderctl.compare.scenarios import Action, Scenario
from orderctl.compare.target import Target
from orderctl.errors import CommandError
from orderctl.fault.client import FaultClient
from orderctl.progress import silent
from orderctl.settings import Addresses
from orderctl.stack.parts import StackPlan, sqlite_in
from orderctl.stack.ports import free_ports
from shared.faults.shapes import ActiveFault

CRASH = Action(0.05, "inventory", {"crash": "after"}, "inventory crashes")


class ShopFaults(FaultClient):
    """Records the requested faults. `broken`: services that respond with 500."""

    def __init__(self, *broken: str) -> None:
        self.begun: list[tuple[str, str]] = []
        self._broken = broken

    def begin(self, service: str, wish: Mapping[str, Any]) -> list[ActiveFault]:
        if service in self._broken:
            raise CommandError(f"{service} answers 500")
        self.begun.append((service, threading.current_thread().name))
        return []

    def clear(self, service: str) -> list[ActiveFault]:
        return []


def target(folder: Path, faults: FaultClient) -> Target:
    """A shop that accepts no orders and has no backlog."""
    plan = StackPlan(free_ports(), "sqlite:////nowhere", sqlite_in(folder))
    values = {name.lower(): value for name, value in plan.common().items()}
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    rest = BacklogSnapshot(outbox=0, depths={}, unsettled={})
    return Target(Addresses.model_validate(values), client, lambda: rest, faults)  # type: ignore[arg-type]


def run(folder: Path, faults: FaultClient, *actions: Action) -> list[str]:
    scenario = Scenario("crashes", "", "", [0.0, 0.1], 1.0, meanwhile=actions)
    with Ledger(folder / "accepted.ndjson") as ledger:
        ran = ScenarioRunner(target(folder, faults), ledger, silent).run(scenario, "sync")
    return [moment.what for moment in ran.moments]


def test_faults_begin_while_orders_come(tmp_path: Path) -> None:
    faults = ShopFaults()
    assert run(tmp_path, faults, CRASH) == ["inventory crashes"]
    [(service, thread)] = faults.begun
    assert service == "inventory"
    assert thread != threading.current_thread().name


def test_a_fault_that_cannot_be_begun_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="inventory answers 500"):
        run(tmp_path, ShopFaults("inventory"), CRASH)
