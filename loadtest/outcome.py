"""What a load test is asked for, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.results import Line
from orderctl.audit.audit import Result

REPORT = "report.html"
LOG = "locust.log"


@dataclass(frozen=True)
class LoadPlan:
    """`users`: each does one thing a second. `seconds`: how long locust runs. `folder`: for all
    that is written. `broker_url` is None for the embedded broker. `tags` are locust's; without
    any, it does everything but placing orders sync and parallel.
    """

    users: int
    seconds: float
    folder: Path
    broker_url: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class LoadOutcome:
    """`locust_status`: 0 when every check held. `promised`: how many orders were answered 202 or
    201, each counted once.
    """

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
        """Why it has failed, and what to look at."""
        report, log = self.plan.folder / REPORT, self.plan.folder / LOG
        if self.failures:
            yield f"Checks failed: {report} shows under Failures what each answer should have been."
        elif self.locust_status:
            yield f"Locust ended with status {self.locust_status}: the end of {log} says why."
        if not self.promised:
            yield f"No order was placed, so nothing is proven: {report} shows what was answered."
        if self.audit.exit_status:
            yield (
                "The audit is red: it names the orders above; the logs of the services that it "
                f"names are in {self.plan.folder}/."
            )
