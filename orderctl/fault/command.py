"""`orderctl fault`"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.text import Text

from orderctl.errors import CommandError
from orderctl.fault.bad_messages import duplicates, poisons
from orderctl.fault.client import Fault, FaultClient, FaultsOff
from orderctl.http_client import open_client
from orderctl.output import console, count, end, print_json, printable, table
from orderctl.settings import BrokerSettings, FaultAddresses
from shared.errors import BrokerForbids
from shared.settings import load
from shared.transport import Message, connect
from shop.consumers import CONSUMERS, LATECOMERS

#: Those that are there in any case; a latecomer may be off.
SERVICES = ("order", *CONSUMERS)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Number = Annotated[int, typer.Option("--count", min=1, max=1000, help="So many messages.")]


def create_fault_app() -> typer.Typer:
    app = typer.Typer(
        help="Cause faults on purpose. Services refuse, unless started with FAULTS_ALLOWED=true.",
        no_args_is_help=True,
        invoke_without_command=True,
    )
    app.callback()(clear_all)
    for name in (*SERVICES, *LATECOMERS):
        app.command(name, help=f"Begin, show or clear the faults of {name}.")(_of(name))
    app.command()(duplicate)
    app.command()(poison)
    return app


def clear_all(
    context: typer.Context,
    clear: Annotated[bool, typer.Option("--clear", help="End the faults of all services.")] = False,
) -> None:
    """Cause faults on purpose, or end them all.

    Examples:

    orderctl fault email --latency 2 --for 60

    orderctl fault sms --failures 0.2

    orderctl fault inventory --crash after

    orderctl fault --clear
    """
    if clear and context.invoked_subcommand is None:
        end(lambda: _clear(SERVICES), as_json=False)


def _clear(services: Iterable[str]) -> int:
    """1 when some service may still be in trouble; one that causes no faults is in none."""
    failed = 0
    with _open() as faults:
        for name in services:
            try:
                faults.clear(name)
            except FaultsOff:
                continue
            except CommandError as error:
                failed = 1
                console().print(Text(printable(str(error))))
    console().print(Text("Not all faults are cleared." if failed else "No service has a fault."))
    return failed


def _of(service: str) -> Callable[..., None]:
    def fault(
        latency: Annotated[
            str | None,
            typer.Option(help="Seconds: 2, uniform:0.5,2, exponential:2 or normal:2,0.5."),
        ] = None,
        failures: Annotated[
            float | None, typer.Option(min=0, max=1, help="This part of all work fails, 0 to 1.")
        ] = None,
        outage: Annotated[bool, typer.Option("--outage", help="It is away for everybody.")] = False,
        crash: Annotated[
            str | None, typer.Option(help="before or after: it dies at its next message, once.")
        ] = None,
        seconds: Annotated[
            float | None, typer.Option("--for", help="For so many seconds, else until cleared.")
        ] = None,
        clear: Annotated[bool, typer.Option("--clear", help="End its faults.")] = False,
        as_json: AsJson = False,
    ) -> None:
        wish: dict[str, Any] = {"latency": latency, "failures": failures, "crash": crash}
        wish |= {"outage": outage or None}
        end(lambda: _fault(service, wish, seconds, clear=clear, as_json=as_json), as_json=as_json)

    return fault


def _fault(
    service: str, wish: Mapping[str, Any], seconds: float | None, *, clear: bool, as_json: bool
) -> int:
    asked = {name: value for name, value in wish.items() if value is not None}
    with _open() as faults:
        # First, so that both together mean: these and no others.
        found = faults.clear(service) if clear else faults.show(service)
        if asked:
            found = faults.begin(service, asked | ({} if seconds is None else {"seconds": seconds}))
    print_json({"faults": found}) if as_json else _print(service, found)
    return 0


def _print(service: str, faults: Sequence[Fault]) -> None:
    if not faults:
        console().print(Text(f"{service} has no faults."))
        return
    made = table("fault", "value", "ends")
    for fault in faults:
        left = "when cleared" if fault.seconds_left is None else f"in {fault.seconds_left:.0f} s"
        made.add_row(printable(fault.kind), printable(fault.value), left)
    console().print(made)


def duplicate(
    order_id: Annotated[str, typer.Argument(help="The order, as place names it.")],
    number: Number = 1,
) -> None:
    """Publish the event of an order once more: every inbox has to know it.

    Example: orderctl fault duplicate ord-3f9c1a2b7d4e
    """

    def run() -> int:
        with open_client() as client:
            url = load(FaultAddresses).order_url
            messages = list(duplicates(client, url, order_id, number))
        return _publish(messages)

    end(run, as_json=False)


def poison(number: Number = 1) -> None:
    """Publish what is no event: every service has to put it into its dead letter queue.

    Example: orderctl fault poison --count 3
    """
    end(lambda: _publish(list(poisons(number))), as_json=False)


def _publish(messages: Sequence[Message]) -> int:
    with _open() as faults:
        # Whether this system may be troubled is for the system to say.
        faults.show("order")
    settings = load(BrokerSettings)
    try:
        with connect(settings.broker_url, settings.retry_ladder).publisher() as publisher:
            publisher.publish(messages)
    except BrokerForbids as error:
        raise CommandError(
            f"The broker's user of orderctl may not publish events ({error}): set BROKER_URL to "
            "the address of one that may, such as the relay's."
        ) from error
    console().print(Text(f"Published {count(len(messages), 'message')}."))
    return 0


@contextmanager
def _open() -> Iterator[FaultClient]:
    with open_client() as client:
        yield FaultClient(client, load(FaultAddresses))
