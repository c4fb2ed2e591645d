"""The output of log lines. Failures to write them never stop the work.

If the reader is gone, the disk is full or the descriptor is closed, a line is lost. A reader that
stops reading would block every thread that logs, so a line waits for it only briefly.
"""

import io
import os
import select
import stat
import threading
from contextlib import suppress

#: How long a line waits for a slow reader. After that, no line waits until it reads again.
PATIENCE_SECONDS = 0.2


class LogOutput(io.TextIOBase):
    """A text file whose `write` never raises and never blocks for long."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = _without_waiting(descriptor)
        self._writing = threading.Lock()
        self._is_stuck = False
        self._lost = 0

    def write(self, text: str, /) -> int:
        with self._writing:
            # Report the lost lines. The report begins with a line break, since the last line may
            # have been truncated.
            if self._lost and self._written(_missing(self._lost)):
                self._lost = 0
            self._lost += not self._written(text.encode(errors="backslashreplace"))
        return len(text)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def _written(self, line: bytes) -> bool:
        try:
            while line and self._can_write():
                with suppress(BlockingIOError):
                    line = line[os.write(self._descriptor, line[: select.PIPE_BUF]) :]
        except OSError:
            return False
        return not line

    def _can_write(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        self._is_stuck = not poll.poll(0 if self._is_stuck else PATIENCE_SECONDS * 1000)
        return not self._is_stuck


def _missing(count: int) -> bytes:
    return b'\n{"event": "log.lines_lost", "level": "warning", "count": %d}\n' % count


def _without_waiting(descriptor: int) -> int:
    """The same pipe, reopened as non-blocking: other descriptors of it are unaffected."""
    with suppress(OSError):
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    return descriptor


def open_missing_descriptors() -> None:
    """Open closed descriptors 0 to 2, before a database gets number 2 and logs overwrite it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
