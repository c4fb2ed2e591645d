"""Runs the audit: waits for quiet, collects the evidence, judges it."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orderctl.audit.backlog import BacklogProbe
from orderctl.audit.collector import Collector
from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.judge import OnVerdict, ignore, judge
from orderctl.audit.quiet import (
    TIMEOUT_SECONDS,
    BacklogSnapshot,
    Quiet,
    QuietTime,
    wait_until_quiet,
)
from orderctl.audit.unfinished import finished_or_not
from orderctl.audit.verdict import Audit
from orderctl.http_client import open_client
from orderctl.progress import Tell, silent
from orderctl.settings import Addresses
from shared.transport import connect

T = TypeVar("T")

MOVED_WHILE_READ = "something moved while the evidence was read"


@dataclass(frozen=True)
class Options:
    """`ledger`: the file of responses. `quiet`, `timeout`: seconds; None for the default rule.

    `crashes`: how many emails may have been sent twice, each in flight in a process that crashed.
    """

    ledger: Path | None = None
    quiet: float | None = None
    timeout: float = TIMEOUT_SECONDS
    strict: bool = False
    crashes: int = 0


@dataclass(frozen=True)
class Result:
    """The verdict, and how quiet the system was at that time."""

    audit: Audit
    quiet: Quiet
    options: Options

    @property
    def exit_status(self) -> int:
        return self.audit.exit_status(strict=self.options.strict, crashes=self.options.crashes)


def run_audit(
    addresses: Addresses, options: Options, *, on_verdict: OnVerdict = ignore, tell: Tell = silent
) -> Result:
    """Audit the system at these addresses. Raises EvidenceUnreadable instead of guessing."""
    broker = connect(addresses.broker_url, addresses.retry_ladder)
    with open_client() as client, finished_or_not(), closing(EvidenceStore()) as store:
        quiet, evidence = collect_quietly(
            BacklogProbe(addresses, client, broker),
            lambda: Collector(addresses, client, broker, store, tell=tell).collect(options.ledger),
            options,
            ladder=addresses.retry_ladder,
            tell=tell,
        )
        audit = judge(evidence, quiet=quiet.reached, on_verdict=on_verdict, tell=tell)
    return Result(audit, quiet, options)


def collect_quietly(
    probe: Callable[[], BacklogSnapshot],
    collect: Callable[[], T],
    options: Options,
    *,
    ladder: tuple[float, ...],
    tell: Tell = silent,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Quiet, T]:
    """Collect during a quiet time; collect again if it was interrupted, until the timeout."""
    deadline = clock() + options.timeout
    quiet_time = QuietTime(options.quiet, ladder)
    while True:
        quiet = wait_until_quiet(
            probe,
            quiet_time,
            timeout=max(0.0, deadline - clock()),
            tell=tell,
            clock=clock,
            sleep=sleep,
        )
        evidence = collect()
        after = probe()
        quiet_time.watch(after, clock())
        if not quiet.reached or not _moved(quiet.last, after):
            return quiet, evidence
        if clock() >= deadline:
            reasons = after.moving() or (MOVED_WHILE_READ,)
            return replace(quiet, reached=False, reasons=reasons), evidence


def _moved(before: BacklogSnapshot, after: BacklogSnapshot) -> bool:
    return bool(after.moving()) or after.newest_order != before.newest_order
