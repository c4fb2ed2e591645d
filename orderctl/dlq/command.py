"""`orderctl dlq`: list, show, redrive, discard."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from orderctl.dlq import report as dlq_report
from orderctl.dlq.dead_letters import Dlq, Gone
from orderctl.dlq.notice import ANSWER_SECONDS, Notice, tell_service
from orderctl.errors import UsageError
from orderctl.http_client import open_client
from orderctl.output import console, count, end, on_stderr, print_json, print_json_list, printable
from orderctl.settings import BrokerSettings, ConsumerAddresses, QueueSettings
from shared.settings import load
from shared.transport import PartlyMoved, connect

ServiceName = Annotated[str, typer.Argument(help="email, sms, inventory or analytics.")]
Handles = Annotated[list[str] | None, typer.Argument(help="Which ones, as dlq list names them.")]
Broker = Annotated[
    str | None, typer.Option(help="The broker's address; BROKER_URL or the demo's by default.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
All = Annotated[bool, typer.Option("--all", help="All that lie there now.")]


def create_dlq_app() -> typer.Typer:
    app = typer.Typer(
        help="Dead letters: events that a service gave up. Look at them, send them again.",
        no_args_is_help=True,
    )
    app.command("list")(list_letters)
    app.command()(show)
    app.command()(redrive)
    app.command()(discard)
    return app


def list_letters(
    service: Annotated[
        str | None, typer.Argument(help="One service; all of them by default.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each, oldest first.")] = 50,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first; all of them stay where they are.

    Examples:

    orderctl dlq list

    orderctl dlq list email --json
    """

    def run() -> int:
        dlq = _open(broker)
        names = [service] if service else dlq.services
        letters = {name: dlq.look(name, limit) for name in names}
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
    handle: Annotated[str, typer.Argument(help="Which one, as dlq list names it.")],
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its history and its body.

    Example:

    orderctl dlq show email 1b671a64-40d5-491e-99b0-da01ff1f3341
    """

    def run() -> int:
        letter = _open(broker).find(service, handle)
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
    """Send dead letters back to their service, as new: with every attempt ahead of them.

    They keep their event id, so that a service that has done its part does it no second time.

    Examples:

    orderctl dlq redrive email --all

    orderctl dlq redrive email 1b671a64-40d5-491e-99b0-da01ff1f3341
    """

    def run() -> int:
        chosen, dlq = _chosen(handles, everything=everything), _open(broker)
        _take(service, lambda: dlq.redrive(service, chosen), "redriven", as_json=as_json)
        return 0

    end(run, as_json=as_json)


def discard(
    service: ServiceName,
    handles: Handles = None,
    everything: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, remove them for good.")] = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Remove dead letters for good. What they should have done will never be done.

    Example:

    orderctl dlq discard email 1b671a64-40d5-491e-99b0-da01ff1f3341 --yes
    """

    def run() -> int:
        chosen = _chosen(handles, everything=everything)
        if not yes:
            raise UsageError("Discarding cannot be undone: repeat the command with --yes.")
        dlq = _open(broker)
        _take(service, lambda: dlq.discard(service, chosen), "discarded", as_json=as_json)
        return 0

    end(run, as_json=as_json)


def _open(broker_url: str | None) -> Dlq:
    if broker_url:
        queues = load(QueueSettings)
        return Dlq(connect(broker_url, queues.retry_ladder), queues.consumers)
    settings = load(BrokerSettings)
    return Dlq(connect(settings.broker_url, settings.retry_ladder), settings.consumers)


def _chosen(handles: Sequence[str] | None, *, everything: bool) -> Sequence[str] | None:
    """The handles that were named, None for all."""
    if bool(handles) == everything:
        raise UsageError("Name dead letters by their handles, or say --all.")
    return None if everything else handles


def _take(service: str, take: Callable[[], Gone], verb: str, *, as_json: bool) -> None:
    """What went is shown, and the service told of it, a part at a time."""
    # A setting that is wrong ends the command here, while nothing has been done yet.
    addresses = load(ConsumerAddresses)
    at, handles, untold = datetime.now(UTC), list[str](), set[str | None]()
    try:
        for gone in take():
            untold.add(_untold(addresses, Notice(service, verb, at, gone)))
            some = [letter.handle for letter in gone]
            if not as_json:
                _print_handles(some, verb)
            handles += some
    except PartlyMoved as error:
        untold.add(_untold(addresses, Notice(service, verb, at, error.moved)))
        _print_untold(untold)
        raise
    _print_gone(service, handles, verb, as_json=as_json)
    _print_untold(untold)


def _untold(addresses: ConsumerAddresses, notice: Notice) -> str | None:
    with open_client(ANSWER_SECONDS) as client:
        return tell_service(client, addresses, notice)


def _print_untold(untold: Iterable[str | None]) -> None:
    for reason in filter(None, untold):
        on_stderr().print(Text(printable(reason)), soft_wrap=True)


def _print_handles(handles: Sequence[str], verb: str) -> None:
    screen = console()
    for handle in handles:
        screen.print(Text(f"{printable(handle)} {verb}"))


def _print_gone(service: str, handles: Sequence[str], verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"service": service, verb: handles})
        return
    summary = f"{count(len(handles), 'dead letter')} of {service} {verb}."
    console().print(Text(f"{summary} {_next(verb, handles)}"))


def _next(verb: str, handles: Sequence[str]) -> str:
    if not handles:
        return "There was nothing to do."
    if verb == "discarded":
        return "Where one was of an order, the audit shows that as lost from now on."
    return (
        "The service receives them as new events, with every attempt ahead of them; "
        "what fails again comes back to the dead letter queue."
    )
