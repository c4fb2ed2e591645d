"""The ledger of answers: what clients were told, kept where no service can lose it.

One JSON object a line, `{"orderId", "eventId", "status"}`, on the disk before anything else
happens: an order that was answered 202 and has no row in the database shows up here, and nowhere
else.
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
    """Appends to a file; safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error}): name another file.") from error
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
    """Every answer in the file. Raises EvidenceUnreadable, which names the line at fault."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                # What follows the last end of line was cut off with its writer; that order was not
                # yet written down, and nobody was told more than that.
                if line.endswith(b"\n") and line != b"\n":
                    yield _read_line(path, number, line)
    except OSError as error:
        raise EvidenceUnreadable(
            f"the ledger {path} cannot be read ({error}): name the file that was written by place."
        ) from error


def _read_line(path: Path, number: int, line: bytes) -> Answer:
    try:
        read = read_document(line, _Line)
    except DocumentError as error:
        raise EvidenceUnreadable(
            f"line {number} of the ledger {path} is not one of ours ({error}): "
            'each is {"orderId": …, "eventId": …, "status": …}.'
        ) from error
    return Answer(read.order_id, read.event_id, read.status)
