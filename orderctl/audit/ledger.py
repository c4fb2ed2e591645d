"""The ledger of responses to clients, stored where no service can lose them.

One JSON object per line, `{"orderId", "eventId", "status"}`, synced to disk at once. Only the
ledger reveals an order that was answered with 202 but has no row in the database.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from orderctl.audit.facts import Answer
from orderctl.errors import CommandError, EvidenceUnreadable
from shared.errors import DocumentError
from shared.http.documents import read_document


class _Line(msgspec.Struct, rename="camel", omit_defaults=True):
    order_id: str
    event_id: str = ""
    status: int = 0


class Ledger:
    """Appends to a file; thread-safe."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error}): use another file.") from error
        self._lock = threading.Lock()

    def append(self, answer: Answer) -> None:
        line = msgspec.json.encode(_Line(answer.order_id, answer.event_id, answer.status)) + b"\n"
        with self._lock:
            self._file.write(line)
            os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._file.close()


def read_ledger(path: Path) -> Iterator[Answer]:
    """Every response in the file. Raises EvidenceUnreadable, which names the invalid line."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                # An incomplete last line was cut off by a crash of its writer, which had not used
                # that response yet.
                if line.endswith(b"\n") and line != b"\n":
                    yield _read_line(path, number, line)
    except OSError as error:
        raise EvidenceUnreadable(
            f"the ledger {path} cannot be read ({error}): use the file that place has written."
        ) from error


def _read_line(path: Path, number: int, line: bytes) -> Answer:
    try:
        read = read_document(line, _Line)
    except DocumentError as error:
        raise EvidenceUnreadable(
            f"line {number} of the ledger {path} is invalid ({error}): "
            'each line is {"orderId": …, "eventId": …, "status": …}.'
        ) from error
    return Answer(read.order_id, read.event_id, read.status)
