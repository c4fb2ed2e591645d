"""The ledger of answers: what customers were told, kept where no service can lose it.

An order that was answered and then lost shows up nowhere in the system. `orderctl audit
--accepted FILE` compares this file, `{"orderId": …, "status": …}` a line, with what the services
have.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

#: Answers that promise something: accepted, or done.
PROMISES = (202, 201)


class Ledger:
    """Appends to a file. Several processes may append to the same one.

    `flush` returns when what was written to a file descriptor is on the disk.
    """

    def __init__(self, path: Path, *, flush: Callable[[int], None] = os.fsync) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._flush = flush
        self._file = path.open("ab", buffering=0)

    def note(self, status: int, body: bytes) -> None:
        """Write down an answer to `POST /orders` if it is a promise, before anything else."""
        if status in PROMISES:
            # One write a line: with O_APPEND the lines of several processes do not mix.
            line = json.dumps({"orderId": _order_id(body), "status": status}) + "\n"
            self._file.write(line.encode())
            self._flush(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _order_id(body: bytes) -> str:
    """Whatever it holds: a promise without an id has to turn the audit red as well."""
    try:
        return str(json.loads(body)["orderId"])
    except (ValueError, KeyError, TypeError):
        return f"unreadable: {body[:50]!r}"
