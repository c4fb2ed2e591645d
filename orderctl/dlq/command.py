"""`orderctl dlq`: list, show, redrive, discard."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from orderctl.dlq import report as dlq_report
from orderctl.dlq.dead_letters import Batches, Dlq
from orderctl.dlq.notice import RESPONSE_SECONDS, Notice, notify_service
from orderctl.errors import UsageError
from orderctl.http_client import open_client
from orderctl.output import console, count, end, on_stderr, print_json, print_json_list, printable
from orderctl.settings import BrokerSettings, ConsumerAddresses, QueueSettings, own_service_url
from shared.settings import load
from shared.transport import PartlyMoved, connect

ServiceName = Annotated[str, typer.Argument(help="email, sms, inventory or analytics.")]
Handles = Annotated[list[str] | None, typer.Argument(help="Handles from dlq list.")]
Broker = Annotated[
    str | None, typer.Option(help="The broker's address; default: BROKER_URL or the demo's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
All = Annotated[bool, typer.Option("--all", help="All current dead letters.")]


def create_dlq_app() -> typer.Typer:
    app = typer.Typer(
        help="List, show, redrive and discard dead letters: events that a service has given up on.",
        no_args_is_help=True,
    )
    app.command("list")(list_letters)
    app.command()(show)
    app.command()(redrive)
    app.command()(discard)
    return app


def list_letters(
    service: Annotated[
        str | None, typer.Argument(help="One service; default: all of them.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list per service.")] = 50,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, without changing them.

    Examples:

    orderctl dlq list

    orderctl dlq list email --json
    """

    def run() -> int:
        dlq = _open(broker, service)
        names = [service] if service else dlq.services
        letters = {name: dlq.browse(name, limit) for name in names}
        if as_json:
            print_json_list(
                dlq_report.document(name, letter) for name in names for letter in letters[name]
            )
        else:
            counts = {name: min(limit, dlq.count(name)) for name in names}
            dlq_report.print_list(letters, counts, console())
        return 0

    end(run, as_json=as_json)


def show(
    service: ServiceName,
    handle: Annotated[str, typer.Argument(help="A handle from dlq list.")],
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its history and its body.

    Example:

    orderctl dlq show email 1b671a64-40d5-491e-99b0-da01ff1f3341
    """

    def run() -> int:
        letter = _open(broker, service).find(service, handle)
        if as_json:
            print_json(dlq_report.document(service, letter))
        else:
            dlq_report.print_letter(service, letter, console())
        return 0

    end(run, as_json=as_json)


def redrive(
    service: ServiceName,
    handles: Handles = None,
    everything: All = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to their service as new events, with all retries available again.

    They keep their event ids, so a service that has already applied an event does not repeat it.

    Examples:

    orderctl dlq redrive email --all

    orderctl dlq redrive email 1b671a64-40d5-491e-99b0-da01ff1f3341
    """

    def run() -> int:
        chosen, dlq = _chosen(handles, everything=everything), _open(broker, service)
        _take(service, lambda: dlq.redrive(service, chosen), "redriven", as_json=as_json)
        return 0

    end(run, as_json=as_json)


def discard(
    service: ServiceName,
    handles: Handles = None,
    everything: All = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm that they are removed for good.")
    ] = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Remove dead letters for good. Their service will never apply these events.

    Example:

    orderctl dlq discard email 1b671a64-40d5-491e-99b0-da01ff1f3341 --yes
    """

    def run() -> int:
        chosen = _chosen(handles, everything=everything)
        if not yes:
            raise UsageError("Discarding cannot be undone: repeat the command with --yes.")
        dlq = _open(broker, service)
        _take(service, lambda: dlq.discard(service, chosen), "discarded", as_json=as_json)
        return 0

    end(run, as_json=as_json)


def _open(broker_url: str | None, service: str | None) -> Dlq:
    if broker_url:
        queues = load(QueueSettings)
    else:
        queues = load(BrokerSettings)
        broker_url = queues.broker_url
    own = [service] if service and own_service_url(service) else []
    return Dlq(connect(broker_url, queues.retry_ladder), [*queues.consumers, *own])


def _chosen(handles: Sequence[str] | None, *, everything: bool) -> Sequence[str] | None:
    """The given handles, or None for all."""
    if bool(handles) == everything:
        raise UsageError("Name dead letters by their handles, or use --all.")
    return None if everything else handles


def _take(service: str, take: Callable[[], Batches], verb: str, *, as_json: bool) -> None:
    """Redrive or discard; print each batch and notify the service of it."""
    # Fail on an invalid setting before anything has been changed.
    addresses = load(ConsumerAddresses)
    at, handles, failures = datetime.now(UTC), list[str](), set[str | None]()
    try:
        for batch in take():
            failures.add(_notify(addresses, Notice(service, verb, at, batch)))
            some = [letter.handle for letter in batch]
            if not as_json:
                _print_handles(some, verb)
            handles += some
    except PartlyMoved as error:
        failures.add(_notify(addresses, Notice(service, verb, at, error.moved)))
        _print_failures(failures)
        raise
    _print_summary(service, handles, verb, as_json=as_json)
    _print_failures(failures)


def _notify(addresses: ConsumerAddresses, notice: Notice) -> str | None:
    with open_client(RESPONSE_SECONDS) as client:
        return notify_service(client, addresses, notice)


def _print_failures(failures: Iterable[str | None]) -> None:
    for reason in filter(None, failures):
        on_stderr().print(Text(printable(reason)), soft_wrap=True)


def _print_handles(handles: Sequence[str], verb: str) -> None:
    screen = console()
    for handle in handles:
        screen.print(Text(f"{printable(handle)} {verb}"))


def _print_summary(service: str, handles: Sequence[str], verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"service": service, verb: handles})
        return
    summary = f"{count(len(handles), 'dead letter')} of {service} {verb}."
    console().print(Text(f"{summary} {_next(verb, handles)}"))


def _next(verb: str, handles: Sequence[str]) -> str:
    if not handles:
        return "There were none."
    if verb == "discarded":
        return "If one belonged to an order, the audit now reports that order as lost."
    return (
        "The service receives them as new events, with all retries available; "
        "those that fail again become dead letters once more."
    )
