"""The commands of `orderctl` and the options that precede them."""

from typing import Annotated

import typer

from orderctl import __version__
from orderctl.audit.command import audit
from orderctl.compare.command import compare_modes
from orderctl.demo.command import demo
from orderctl.dlq.command import create_dlq_app
from orderctl.doctor.command import doctor
from orderctl.fault.command import create_fault_app
from orderctl.journey.command import journey
from orderctl.place.command import place
from orderctl.queues import queues
from orderctl.replay.command import replay


def create_app() -> typer.Typer:
    app = typer.Typer(
        name="orderctl",
        help=(
            "Run the whole system on this machine, place orders, audit their effects, replay "
            "stored events, handle dead letters, and inject faults."
        ),
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    app.command()(demo)
    app.command()(place)
    app.command("compare")(compare_modes)
    app.command()(journey)
    app.command()(audit)
    app.command()(queues)
    app.command()(replay)
    app.command()(doctor)
    app.add_typer(create_dlq_app(), name="dlq")
    app.add_typer(create_fault_app(), name="fault")
    return app


def _print_version(is_requested: bool) -> None:  # noqa: FBT001 (typer passes it by position)
    if is_requested:
        typer.echo(f"orderctl {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass
