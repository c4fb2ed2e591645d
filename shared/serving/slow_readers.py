"""Which clients that do not read their answer lose the connection, so that others get a thread."""

from collections.abc import Collection

from shared.serving.connection import Connection

#: A client that has not taken a piece in this time is slow, and its thread may be needed.
SLOW_SECONDS = 1.0
#: So many slow clients may hold a thread, and a connection to the database, while nobody waits.
MOST_SLOW = 2


def to_cut(
    handed_over: Collection[Connection], now: float, *, is_stopping: bool
) -> list[Connection]:
    """Those that have kept a thread waiting for longest, once their threads are needed.

    `handed_over` are connections that have a thread, or wait for one.
    """
    slow = _slow(handed_over, now)
    allowed = 0 if is_stopping or _some_wait(handed_over, now) else MOST_SLOW
    return slow[: max(0, len(slow) - allowed)]


def _slow(connections: Collection[Connection], now: float) -> list[Connection]:
    """Those whose client does not read, the slowest first."""
    since = [(conn.sock.waiting_since, conn) for conn in connections]
    slow = [(began, conn) for began, conn in since if began and now - began > SLOW_SECONDS]
    return [conn for _, conn in sorted(slow, key=lambda pair: pair[0])]


def _some_wait(connections: Collection[Connection], now: float) -> bool:
    """Requests that wait for a thread."""
    return any(
        not conn.has_thread and now - conn.handed_over_at > SLOW_SECONDS for conn in connections
    )
