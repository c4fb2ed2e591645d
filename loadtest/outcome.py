"""The plan of a load test and its outcome."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.results import Line
from orderctl.audit.audit import Result

REPORT = "report.html"
LOG = "locust.log"


@dataclass(frozen=True)
class LoadPlan:
    """`users`: each performs one task per second. `seconds`: the duration. `folder`: for all files.

    `broker_url`: None for the embedded broker. `tags`: locust's; by default, all tasks except sync
    and parallel orders.
    """

    users: int
    seconds: float
    folder: Path
    broker_url: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class LoadOutcome:
    """`locust_status`: 0 if every check passed. `promised`: distinct orders with 202 or 201."""

    plan: LoadPlan
    lines: Sequence[Line]
    locust_status: int
    promised: int
    audit: Result

    @property
    def failures(self) -> int:
        return sum(line.failures for line in self.lines)

    @property
    def exit_status(self) -> int:
        return int(any(True for _ in self.reasons()))

    def reasons(self) -> Iterator[str]:
        """Why it has failed, and where to look."""
        report, log = self.plan.folder / REPORT, self.plan.folder / LOG
        if self.failures:
            yield f"Checks failed: see Failures in {report}."
        elif self.locust_status:
            yield f"Locust ended with status {self.locust_status}: see the end of {log}."
        if not self.promised:
            yield f"No order was placed, so nothing is proven: see the responses in {report}."
        if self.audit.exit_status:
            yield (
                "The audit failed: the orders are listed above, and the services' logs are in "
                f"{self.plan.folder}/."
            )
