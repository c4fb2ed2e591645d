"""The ledger of responses to customers, stored where no service can lose them.

An order that was answered and then lost shows up nowhere in the system. `orderctl audit
--accepted FILE` compares this file, `{"orderId": …, "status": …}` a line, with what the services
have.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

#: The statuses that promise something: accepted, or completed.
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
        """Store a response to `POST /orders` at once if it is a promise."""
        if status in PROMISES:
            # One write per line: with O_APPEND, lines of several processes do not mix.
            line = json.dumps({"orderId": _order_id(body), "status": status}) + "\n"
            self._file.write(line.encode())
            self._flush(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _order_id(body: bytes) -> str:
    """The order id, or a substitute: a promise without an id must fail the audit as well."""
    try:
        return str(json.loads(body)["orderId"])
    except (ValueError, KeyError, TypeError):
        return f"unreadable: {body[:50]!r}"
