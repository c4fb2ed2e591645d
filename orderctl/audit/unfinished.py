"""An audit that cannot be finished says so, and gives no verdict."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from orderctl.errors import EvidenceUnreadable


@contextmanager
def finished_or_not() -> Iterator[None]:
    """Raises EvidenceUnreadable when memory or disk do not suffice."""
    try:
        yield
    except MemoryError as error:
        raise EvidenceUnreadable(
            "The audit ran out of memory and gives no verdict: give it more."
        ) from error
    except sqlite3.Error as error:
        raise EvidenceUnreadable(
            f"The audit cannot keep what it reads ({error}) and gives no verdict: set TMPDIR to a "
            "folder with 5 KB of free space for each order."
        ) from error


@contextmanager
def interrupted_or_not() -> Iterator[None]:
    """Raises EvidenceUnreadable on Ctrl-C, and when `docker stop` or `kill` ends the command."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise EvidenceUnreadable("The audit was interrupted and gives no verdict.") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
