"""Turns whatever keeps an audit from finishing into an error without a verdict."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from orderctl.errors import EvidenceUnreadable


@contextmanager
def finished_or_not() -> Iterator[None]:
    """Raise EvidenceUnreadable when memory or disk space runs out."""
    try:
        yield
    except MemoryError as error:
        raise EvidenceUnreadable(
            "The audit ran out of memory, so there is no verdict: run it with more memory."
        ) from error
    except sqlite3.Error as error:
        raise EvidenceUnreadable(
            f"The audit cannot store its evidence ({error}), so there is no verdict: set TMPDIR to "
            "a folder with 5 KB of free space for each order."
        ) from error


@contextmanager
def interrupted_or_not() -> Iterator[None]:
    """Raise EvidenceUnreadable on Ctrl-C and on SIGTERM (`docker stop`, `kill`)."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise EvidenceUnreadable("The audit was interrupted, so there is no verdict.") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
