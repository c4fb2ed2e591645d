"""Sends the newest snapshot to every open page (server-sent events)."""

import threading
from collections.abc import Generator

#: Each open page occupies a thread of this process.
MOST_WATCHERS = 16
#: Seconds without a snapshot after which a keep-alive comment is sent.
SILENCE_SECONDS = 10.0


class Hub:
    def __init__(self, most: int = MOST_WATCHERS) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._number = 0
        self._snapshot = b""
        self._watchers = 0
        self._closed = False

    def publish(self, snapshot: bytes) -> None:
        """Set the newest snapshot, a line of JSON. A slow browser skips older ones."""
        with self._changed:
            self._number += 1
            self._snapshot = snapshot
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_for_watcher(self, timeout: float) -> bool:
        """True if a page is open, or the hub is closed, within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._watchers > 0 or self._closed, timeout)

    @property
    def is_full(self) -> bool:
        return self._watchers >= self._most

    def stream(self) -> Generator[bytes, None, None]:
        """The events for one browser, until it disconnects or the hub is closed."""
        with self._changed:
            self._watchers += 1
            self._changed.notify_all()
        try:
            # Start with the next snapshot; the last one may be old.
            seen = self._number
            yield b"retry: 1000\n\n"
            while not self._closed:
                number, snapshot = self._next(seen)
                yield b": still here\n\n" if number == seen else _event(number, snapshot)
                seen = number
        finally:
            with self._changed:
                self._watchers -= 1

    def _next(self, seen: int) -> tuple[int, bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._number != seen or self._closed, SILENCE_SECONDS)
            return self._number, self._snapshot


def _event(number: int, snapshot: bytes) -> bytes:
    return b"id: %d\nevent: snapshot\ndata: %b\n\n" % (number, snapshot)
