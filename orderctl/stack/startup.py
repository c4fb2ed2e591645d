"""Starts a stack, on a broker that nothing else is using."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orderctl.errors import CommandError, UsageError
from orderctl.progress import Tell, progress
from orderctl.stack.stack import Stack
from shared.errors import BrokerUnavailable, SettingsError
from shared.transport import Broker, connect
from shop.consumers import CONSUMERS


@contextmanager
def brought_up(stack: Stack, say: Tell) -> Iterator[None]:
    """Set everything up, start it, and wait until it is ready. Raises StackError."""
    folder = Path(os.path.relpath(stack.folder))
    say(f"Starting {len(stack.urls)} processes, with logs in {folder}/ …")
    began = time.monotonic()
    with progress() as tell:
        tell("creating schemas and queues")
        stack.setup()
        tell("starting services")
        stack.start_all()
        stack.wait_ready()
    say(f"All are ready after {time.monotonic() - began:.1f} s.")
    yield
    say("Stopping everything …")


def expect_usable(broker_url: str) -> None:
    """Raise CommandError if this broker is unavailable or contains messages."""
    try:
        _expect_unused(connect(broker_url))
    except SettingsError as error:
        raise UsageError(f"--broker: {error}") from error
    except BrokerUnavailable as error:
        raise CommandError(
            f"The broker of --broker is unavailable ({error}): start it, or leave --broker out "
            "for the embedded one."
        ) from error


def _expect_unused(broker: Broker) -> None:
    for service in CONSUMERS:
        if broker.missing([service]):
            continue
        depth = broker.depth(service)
        if depth.ready or depth.retrying or depth.dead:
            raise CommandError(
                f"The queues of {service} on this broker already contain messages "
                f"({depth.ready} ready, {depth.retrying} retrying, {depth.dead} dead): "
                "use an empty virtual host, or purge them."
            )
