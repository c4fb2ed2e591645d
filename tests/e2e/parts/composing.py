"""Starts a real process of the system with one part replaced.

Environment variables choose: PART is the consumer service, the others depend on the module.
"""

import importlib
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.consuming.effect import Effect
from shared.observability import configure_logging
from shared.serving.restarts import Restarts
from shared.serving.server import serve
from shared.settings import load
from shared.transport import Broker, connect

#: A service's handler: `send(event)`, or `write(tx, events)`.
Handler = Callable[..., None]


def run_consumer(
    *,
    around: Callable[[Handler], Handler] = lambda handler: handler,
    wrap_broker: Callable[[Broker], Broker] = lambda broker: broker,
    wrap_effect: Callable[[Effect], Effect] = lambda effect: effect,
    restarts: Restarts | None = None,
) -> None:
    """Run the consumer service PART as its own `__main__` does, with a wrapped part."""
    name = os.environ["PART"]
    service = importlib.import_module(f"services.{name}.__main__")
    settings = load(getattr(service, f"{name.capitalize()}Settings"))
    configure_logging(name, settings.log_level)

    def compose() -> Any:
        broker = wrap_broker(connect(settings.broker_url, settings.retry_ladder))
        replaced = _handler(service, settings, around)
        return service.compose(settings, broker=broker, wrap_effect=wrap_effect, **replaced)

    serve(settings, compose, restarts=restarts)


def _handler(service: Any, settings: Any, around: Callable[[Handler], Handler]) -> dict[str, Any]:
    if hasattr(service, "sender"):
        return {"send": around(service.sender(settings))}
    names = ("write_facts", "move_stock", "create_shipments")
    [handler] = [getattr(service, name) for name in names if hasattr(service, name)]
    return {"write": around(handler)}


def events_of(arguments: Sequence[Any]) -> list[Any]:
    """The events in a handler's arguments."""
    last = arguments[-1]
    return list(last) if isinstance(last, Sequence) else [last]


def die() -> None:
    """Kill this process's whole group with SIGKILL: no cleanup, as in a power failure."""
    os.killpg(0, signal.SIGKILL)


def die_once() -> None:
    """Crash here, but only once: the file MARKER records it, also for the test."""
    marker = Path(os.environ["MARKER"])
    if not marker.exists():
        marker.touch()
        die()
