"""`python -m orderctl`: the operator's command line."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    # The imports below take a second, in which Ctrl-C is to end the program without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import typer

from orderctl.audit.command import audit
from orderctl.compare.command import compare_modes
from orderctl.demo.command import demo
from orderctl.dlq.command import create_dlq_app
from orderctl.doctor.command import doctor
from orderctl.fault.command import create_fault_app
from orderctl.journey.command import journey
from orderctl.place.command import place
from orderctl.program import run_program
from orderctl.queues import queues
from orderctl.replay.command import replay


def create_app() -> typer.Typer:
    app = typer.Typer(
        name="python -m orderctl",
        help=(
            "Run the whole system on this machine, place orders, audit what became of them, "
            "replay what was, look after dead letters, and cause faults on purpose."
        ),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
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


if __name__ == "__main__":
    run_program(create_app(), "python -m orderctl")
