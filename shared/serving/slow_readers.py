"""Selects slow readers of responses to disconnect, so that other requests get a thread."""

from collections.abc import Collection

from shared.serving.connection import Connection

#: A client that has received no part of its response for this long is slow.
SLOW_SECONDS = 1.0
#: The most slow clients that may occupy a thread and a database connection while none is needed.
MOST_SLOW = 2


def to_cut(
    handed_over: Collection[Connection], now: float, *, is_stopping: bool
) -> list[Connection]:
    """The connections to close: the slowest readers, once their threads are needed.

    `handed_over`: the connections that have a thread or wait for one.
    """
    slow = _slow(handed_over, now)
    allowed = 0 if is_stopping or _some_wait(handed_over, now) else MOST_SLOW
    return slow[: max(0, len(slow) - allowed)]


def _slow(connections: Collection[Connection], now: float) -> list[Connection]:
    """The connections whose client does not read, slowest first."""
    since = [(conn.sock.waiting_since, conn) for conn in connections]
    slow = [(began, conn) for began, conn in since if began and now - began > SLOW_SECONDS]
    return [conn for _, conn in sorted(slow, key=lambda pair: pair[0])]


def _some_wait(connections: Collection[Connection], now: float) -> bool:
    """Whether any request has been waiting for a thread."""
    return any(
        not conn.has_thread and now - conn.handed_over_at > SLOW_SECONDS for conn in connections
    )
