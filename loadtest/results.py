"""Reads locust's --json-file, which contains every response time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orderctl.errors import CommandError
from shared.errors import DocumentError
from shared.http.documents import read_document

#: With fewer requests, a p99 depends on a handful of them and is not reproducible.
ENOUGH_FOR_P99 = 500


class _Entry(msgspec.Struct):
    method: str
    name: str
    num_requests: int
    num_failures: int
    max_response_time: float
    #: The number of requests by milliseconds; locust rounds to two digits from 100 ms on.
    response_times: Mapping[int, int]


@dataclass(frozen=True)
class Line:
    """Requests of one name; times are in milliseconds."""

    name: str
    requests: int
    failures: int
    times: Mapping[int, int]
    slowest: float

    def percentile(self, percent: float) -> int | None:
        """The time within which `percent` % of the requests were answered (nearest rank)."""
        rank = percent / 100 * sum(self.times.values())
        reached = 0
        for time in sorted(self.times):
            reached += self.times[time]
            if reached >= rank:
                return time
        return None

    @property
    def p99(self) -> int | None:
        return self.percentile(99) if self.requests >= ENOUGH_FOR_P99 else None


def read_results(file: Path) -> Sequence[Line]:
    """One line per name, sorted. Raises CommandError if locust has not written its results."""
    try:
        entries = read_document(file.read_bytes(), list[_Entry])
    except (OSError, DocumentError) as error:
        raise CommandError(f"locust has written no results ({error}): see its log.") from error
    return sorted((_line(entry) for entry in entries), key=lambda line: line.name)


def _line(entry: _Entry) -> Line:
    return Line(
        f"{entry.method} {entry.name}",
        entry.num_requests,
        entry.num_failures,
        entry.response_times,
        entry.max_response_time,
    )
