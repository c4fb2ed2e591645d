"""Waits until one service of a stack has nothing left to do."""

import time

from orderctl.errors import CommandError
from orderctl.progress import Tell, silent
from orderctl.stack.stack import Stack
from shared.errors import BrokerUnavailable
from shared.transport import connect

POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 60.0


def wait_until_idle(
    stack: Stack,
    service: str,
    quiet: float,
    *,
    timeout: float = TIMEOUT_SECONDS,
    tell: Tell = silent,
) -> None:
    """Until its queue has been empty for `quiet` seconds. Raises CommandError when it never is."""
    broker = connect(stack.plan.broker_url, stack.plan.ladder)
    deadline = time.monotonic() + timeout
    empty_since: float | None = None
    while empty_since is None or time.monotonic() - empty_since < quiet:
        if time.monotonic() > deadline:
            raise CommandError(f"{service} is not done after {timeout:g} s.")
        tell(f"waiting until {service} has nothing left to do")
        time.sleep(POLL_SECONDS)
        try:
            depth = broker.depth(service)
        except BrokerUnavailable:
            empty_since = None
            continue
        is_empty = depth.ready == 0 and depth.retrying == 0
        empty_since = (empty_since or time.monotonic()) if is_empty else None
