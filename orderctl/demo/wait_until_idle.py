"""Waits until one service of a stack has nothing left to do."""

from orderctl.audit.quiet import BacklogSnapshot, QuietTime, wait_until_quiet
from orderctl.errors import CommandError
from orderctl.progress import Tell, silent
from orderctl.stack.stack import Stack
from shared.transport import connect

TIMEOUT_SECONDS = 60.0


def wait_until_idle(
    stack: Stack,
    service: str,
    quiet: float,
    *,
    timeout: float = TIMEOUT_SECONDS,
    tell: Tell = silent,
) -> None:
    """Wait until its queue has been empty for `quiet` seconds. Raises CommandError on timeout."""
    broker = connect(stack.plan.broker_url, stack.plan.ladder)

    def probe() -> BacklogSnapshot:
        return BacklogSnapshot(outbox=0, depths={service: broker.depth(service)}, unsettled={})

    ended = wait_until_quiet(
        probe,
        QuietTime(quiet, stack.plan.ladder),
        timeout=timeout,
        tell=lambda _moving: tell(f"waiting until {service} is idle"),
    )
    if not ended.reached:
        raise CommandError(f"{service} is still busy after {timeout:g} s.")
