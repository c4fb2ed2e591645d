"""`orderctl queues`"""

from typing import Annotated

import typer
from rich.text import Text

from orderctl.output import console, end, print_json, table
from orderctl.settings import BrokerSettings
from shared.settings import load
from shared.transport import Depth, connect

COLUMNS = ("ready", "retrying", "dead")


def queues(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show each service's messages: ready, waiting for a retry, dead.

    On RabbitMQ, messages in flight (unacknowledged) are not counted; on the others they are.

    Example: orderctl queues
    """
    end(lambda: _run(as_json=as_json), as_json=as_json)


def _run(*, as_json: bool) -> int:
    settings = load(BrokerSettings)
    broker = connect(settings.broker_url, settings.retry_ladder)
    depths = {service: broker.depth(service) for service in settings.consumers}
    if as_json:
        print_json({service: _counts(depth) for service, depth in depths.items()})
    else:
        _print(depths)
    return 0


def _counts(depth: Depth) -> dict[str, int]:
    return {name: getattr(depth, name) for name in COLUMNS}


def _print(depths: dict[str, Depth]) -> None:
    made = table("service", *COLUMNS, numbers=COLUMNS)
    for service, depth in depths.items():
        made.add_row(service, *(str(number or "-") for number in _counts(depth).values()))
    console().print(made)
    if not any(any(_counts(depth).values()) for depth in depths.values()):
        console().print(Text("No messages are waiting."))
