"""Remembers that a database's disk was full: only a write that needs space detects it."""

import time
from collections.abc import Callable

from sqlalchemy import URL, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError

from shared.database.error_blame import is_about_disk

#: How long a service is not ready after such a failure. The period must end without a successful
#: write, since clients may not write until the service is ready.
DISTRUST_SECONDS = 10.0

_failed: dict[URL, tuple[float, str]] = {}


def watch_disk(engine: Engine) -> None:
    event.listen(engine, "handle_error", _note)


def _note(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if context.engine and isinstance(error, DBAPIError) and is_about_disk(error):
        _failed[context.engine.url] = (time.monotonic(), str(error.orig))


def disk_problem(engine: Engine, clock: Callable[[], float] = time.monotonic) -> str | None:
    """The most recent disk error; None if none occurred in the last DISTRUST_SECONDS."""
    failed_at, problem = _failed.get(engine.url, (float("-inf"), ""))
    return problem if clock() - failed_at < DISTRUST_SECONDS else None
