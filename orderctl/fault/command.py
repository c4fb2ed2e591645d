"""`orderctl fault`"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.text import Text

from orderctl.errors import CommandError
from orderctl.fault.bad_messages import duplicates, poisons
from orderctl.fault.client import FaultClient, FaultsOff
from orderctl.http_client import open_client
from orderctl.output import console, count, end, print_json, printable, table
from orderctl.settings import BrokerSettings, FaultAddresses
from shared.errors import BrokerForbids
from shared.faults.shapes import ActiveFault
from shared.settings import load
from shared.transport import Message, connect
from shop.consumers import CONSUMERS, LATECOMERS

#: Services that always run; a latecomer may be off.
SERVICES = ("order", *CONSUMERS)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Number = Annotated[int, typer.Option("--count", min=1, max=1000, help="Number of messages.")]


def create_fault_app() -> typer.Typer:
    app = typer.Typer(
        help="Inject faults. Services must have been started with FAULTS_ALLOWED=true.",
        no_args_is_help=True,
        invoke_without_command=True,
    )
    app.callback()(clear_all)
    for name in (*SERVICES, *LATECOMERS):
        app.command(name, help=f"Start, show or clear the faults of {name}.")(_of(name))
    app.command()(duplicate)
    app.command()(poison)
    return app


def clear_all(
    context: typer.Context,
    clear: Annotated[
        bool, typer.Option("--clear", help="Clear the faults of all services.")
    ] = False,
) -> None:
    """Inject faults, or clear them all.

    Examples:

    orderctl fault email --latency 2 --for 60

    orderctl fault sms --failures 0.2

    orderctl fault inventory --crash after

    orderctl fault --clear
    """
    if clear and context.invoked_subcommand is None:
        end(lambda: _clear(SERVICES), as_json=False)


def _clear(services: Iterable[str]) -> int:
    """1 if a service may still have a fault; a service without fault injection has none."""
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
    console().print(Text("Not all faults were cleared." if failed else "No service has a fault."))
    return failed


def _of(service: str) -> Callable[..., None]:
    def fault(
        latency: Annotated[
            str | None,
            typer.Option(help="Extra seconds: 2, uniform:0.5,2, exponential:2 or normal:2,0.5."),
        ] = None,
        failures: Annotated[
            float | None,
            typer.Option(min=0, max=1, help="The share of attempts that fail, 0 to 1."),
        ] = None,
        outage: Annotated[
            bool, typer.Option("--outage", help="Take it down for all requests.")
        ] = False,
        crash: Annotated[
            str | None, typer.Option(help="Crash once, before or after its next effect.")
        ] = None,
        seconds: Annotated[
            float | None,
            typer.Option("--for", help="Seconds until it ends; default: until cleared."),
        ] = None,
        clear: Annotated[bool, typer.Option("--clear", help="Clear its faults.")] = False,
        as_json: AsJson = False,
    ) -> None:
        options: dict[str, Any] = {"latency": latency, "failures": failures, "crash": crash}
        options |= {"outage": outage or None}
        end(
            lambda: _fault(service, options, seconds, clear=clear, as_json=as_json), as_json=as_json
        )

    return fault


def _fault(
    service: str, options: Mapping[str, Any], seconds: float | None, *, clear: bool, as_json: bool
) -> int:
    given = {name: value for name, value in options.items() if value is not None}
    with _open() as faults:
        # Clear first, so that --clear with other options replaces all faults.
        found = faults.clear(service) if clear else faults.show(service)
        if given:
            found = faults.begin(service, given | ({} if seconds is None else {"seconds": seconds}))
    print_json({"faults": found}) if as_json else _print(service, found)
    return 0


def _print(service: str, faults: Sequence[ActiveFault]) -> None:
    if not faults:
        console().print(Text(f"{service} has no faults."))
        return
    made = table("fault", "value", "ends")
    for fault in faults:
        left = "when cleared" if fault.seconds_left is None else f"in {fault.seconds_left:.0f} s"
        made.add_row(printable(fault.kind), printable(fault.value), left)
    console().print(made)


def duplicate(
    order_id: Annotated[str, typer.Argument(help="An order id from place.")],
    number: Number = 1,
) -> None:
    """Publish the event of an order again; every inbox should recognise it.

    Example: orderctl fault duplicate ord-3f9c1a2b7d4e
    """

    def run() -> int:
        with open_client() as client:
            url = load(FaultAddresses).order_url
            messages = list(duplicates(client, url, order_id, number))
        return _publish(messages)

    end(run, as_json=False)


def poison(number: Number = 1) -> None:
    """Publish invalid events, which every service should dead-letter at once.

    Example: orderctl fault poison --count 3
    """
    end(lambda: _publish(list(poisons(number))), as_json=False)


def _publish(messages: Sequence[Message]) -> int:
    with _open() as faults:
        # Publish only to a system that allows faults.
        faults.show("order")
    settings = load(BrokerSettings)
    try:
        with connect(settings.broker_url, settings.retry_ladder).publisher() as publisher:
            publisher.publish(messages)
    except BrokerForbids as error:
        raise CommandError(
            f"orderctl's broker user may not publish events ({error}): set BROKER_URL to the "
            "address of a user who may, such as the relay's."
        ) from error
    console().print(Text(f"Published {count(len(messages), 'message')}."))
    return 0


@contextmanager
def _open() -> Iterator[FaultClient]:
    with open_client() as client:
        yield FaultClient(client, load(FaultAddresses))
