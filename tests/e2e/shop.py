"""A running system for tests: place orders, kill parts, and check every order with the audit."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orderctl.stack.process import ROOT
from orderctl.stack.stack import Stack
from shared.transport import Broker, connect
from tests.asking import client
from tests.e2e.patience import eventually
from tests.zygote.client import python

CONSUMERS = ("email", "sms", "inventory", "analytics")
#: Mails that email sends at a time. A crash may leave this many sent but not recorded.
MAILS_AT_A_TIME = 32
#: Seconds without any change before an audit: longer than the longest rung, and than any step
#: takes.
QUIET_SECONDS = 1.5
#: Seconds that the four attempts take together, with time to spare.
LADDER_IS_OVER_SECONDS = 1.5


@dataclass
class Shop:
    """`ledger`: the file of the responses that clients got, for the audit."""

    stack: Stack
    ledger: Path

    def open(self, *, without: Sequence[str] = ()) -> None:
        """Set up and start every part except these."""
        self.stack.setup()
        for name in self.stack.urls:
            if name not in without:
                self.stack.start(name)
        self.stack.wait_ready([name for name in self.stack.urls if name not in without])

    def replace(self, part: str, module: str, env: Mapping[str, str]) -> None:
        """Replace a part by a test module, and do not wait until it is ready."""
        self.stack.stop(part)
        self.stack.start(part, module, {"PART": part, **env})

    def restore(self, *parts: str) -> None:
        """Start the original parts again, after a replacement or a crash."""
        for name in parts:
            self.stack.stop(name)
        for name in parts:
            self.stack.start(name)
        self.stack.wait_ready(parts)

    def has_died(self, part: str) -> bool:
        return part not in self.stack.running

    def is_ready(self, part: str) -> bool:
        return bool(self.get(part, "/health/ready")["ready"])

    def log_of(self, part: str) -> str:
        """The log of a part since its first start."""
        return self.stack.log(part).read_text()

    def place(self, number: int, *, user: str | None = None, rate: float = 100) -> list[str]:
        """Place orders, all of which must get 202; returns their ids."""
        done = self.begin_placing(number, user=user, rate=rate)
        return self.end_placing(done)

    def begin_placing(
        self, number: int, *, user: str | None = None, rate: float = 100
    ) -> "subprocess.Popen[str]":
        words = ["place", "--count", str(number), "--rate", str(rate), "--patience", "60", "--json"]
        words += ["--accepted", str(self.ledger), *(["--user", user] if user else [])]
        return self._orderctl(words)

    def under_load(self, placing: "subprocess.Popen[str]", answers: int) -> None:
        """Wait for `count` responses; assert that further orders are still being placed."""
        eventually(lambda: self.answers() >= answers, f"{answers} answers")
        assert placing.poll() is None, "all orders are already placed: too late to break anything"

    def answers(self) -> int:
        """How many orders have been answered so far."""
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0

    def end_placing(self, placing: "subprocess.Popen[str]") -> list[str]:
        output, errors = placing.communicate(timeout=120)
        assert placing.returncode == 0, f"{errors}\n{output}"
        return [order["orderId"] for order in json.loads(output)["orders"]]

    def audit(
        self, *, timeout: float = 120, quiet: float = QUIET_SECONDS, crashes: int = 0
    ) -> dict[str, Any]:
        """The strict audit's report, including `exitStatus`."""
        numbers = {"--crashes": crashes, "--timeout": timeout, "--quiet": quiet}
        words = ["audit", "--strict", "--json", "--accepted", str(self.ledger)]
        words += [word for name, number in numbers.items() for word in (name, str(number))]
        auditing = self._orderctl(words)
        output, errors = auditing.communicate(timeout=timeout + 60)
        assert auditing.returncode in (0, 1), f"{errors}\n{output}"
        report: dict[str, Any] = json.loads(output)
        assert report["exitStatus"] == auditing.returncode
        return report

    def assert_kept(self, accepted: int, *, crashes: int = 0) -> dict[str, Any]:
        """Assert that there are `accepted` orders, each applied exactly once by every consumer.
        Each of `crashes` may have repeated one mail.
        """
        report = self.audit(crashes=crashes)
        assert report["exitStatus"] == 0, json.dumps(report, indent=1)
        assert report["quiet"]["reached"]
        assert (report["accepted"], report["answered"]) == (accepted, accepted)
        applied = {name: service["applied"] for name, service in report["services"].items()}
        assert applied == dict.fromkeys(CONSUMERS, accepted)
        return report

    def dlq(self, *words: str) -> Any:
        """The output of `orderctl dlq … --json`."""
        running = self._orderctl(["dlq", *words, "--json"])
        output, errors = running.communicate(timeout=60)
        assert running.returncode == 0, f"{errors}\n{output}"
        return json.loads(output)

    def fault(self, *words: str) -> str:
        """The output of `orderctl fault …`."""
        running = self._orderctl(["fault", *words])
        output, errors = running.communicate(timeout=60)
        assert running.returncode == 0, f"{errors}\n{output}"
        return output

    def replay(self, *words: str, timeout: float = 120) -> Any:
        """The output of `orderctl replay … --json`; its `status` is the replay's state."""
        running = self._orderctl(["replay", *words, "--json"])
        output, errors = running.communicate(timeout=timeout)
        assert running.returncode in (0, 1), f"{errors}\n{output}"
        return json.loads(output)

    def dead_replay(self, *words: str, timeout: float = 120) -> str:
        """The error of `orderctl replay …` when the service crashes during the replay."""
        running = self._orderctl(["replay", *words])
        _output, errors = running.communicate(timeout=timeout)
        assert running.returncode == 1, errors
        return errors

    @cached_property
    def broker(self) -> Broker:
        return connect(self.stack.plan.broker_url, self.stack.plan.ladder)

    def dead(self) -> dict[str, int]:
        """The number of dead letters by service, without the services that have none."""
        dead = {name: self.broker.depth(name).dead for name in CONSUMERS}
        return {name: number for name, number in dead.items() if number}

    def dead_letters(self, service: str) -> dict[str, str]:
        """Reasons of a service's dead letters by order id."""
        letters = self.broker.dead_letters(service).browse(1000)
        return {letter.message.key: letter.reason for letter in letters}

    def get(self, part: str, path: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = (
            client().get(self.stack.urls[part] + path, headers=self.as_operator()).json()
        )
        return answer

    def as_operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.stack.plan.operator_token}"}

    def _orderctl(self, words: Sequence[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [python(), "-m", "orderctl", *words],
            cwd=ROOT,
            env={**self.stack.plan.environment("orderctl"), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
