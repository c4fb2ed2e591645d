"""Remembers that the disk of a database was full: only a write that needs room finds it out."""

import time
from collections.abc import Callable

from sqlalchemy import URL, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError

from shared.database.error_blame import is_about_disk

#: For so long after such a failure a service is not ready. It is over by itself: somebody who
#: waits until it is ready before he writes would otherwise wait for ever.
DISTRUST_SECONDS = 10.0

_failed: dict[URL, tuple[float, str]] = {}


def watch_disk(engine: Engine) -> None:
    event.listen(engine, "handle_error", _note)


def _note(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if context.engine and isinstance(error, DBAPIError) and is_about_disk(error):
        _failed[context.engine.url] = (time.monotonic(), str(error.orig))


def disk_problem(engine: Engine, clock: Callable[[], float] = time.monotonic) -> str | None:
    """What the disk refused lately; None when it did not."""
    failed_at, problem = _failed.get(engine.url, (float("-inf"), ""))
    return problem if clock() - failed_at < DISTRUST_SECONDS else None
