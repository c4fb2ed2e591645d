"""`python -m loadtest`: the load test, with a system to test and an audit at its end."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    # The imports below take a second; until then, Ctrl-C should not print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from pathlib import Path
from typing import Annotated

import typer

from loadtest.outcome import LoadPlan
from loadtest.report import document, print_outcome
from loadtest.run import load_test
from orderctl.output import console, end, print_json
from orderctl.program import end_like_ctrl_c, run_program
from orderctl.progress import print_to_stderr

#: Next to the ledger of a manual locust run, which must not be emptied.
FOLDER = Path(".loadtest/run")


def loadtest(
    users: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of users; ten times as many in the burst.")
    ] = 10,
    time: Annotated[
        float, typer.Option("--time", min=5, max=3600, help="The duration of the load, in seconds.")
    ] = 25.0,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these requests: async, sync, parallel, lookup, repeat or bad; repeatable."
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help="amqp://… or kafka://…; default: the embedded broker, a file."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="For reports, databases and logs; emptied at start-up.")
    ] = FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Put the whole system under load on this machine, then audit it.

    It starts every service as a process, on free ports. Simulated users place orders, look them
    up, send some twice, make mistakes and check every response. In the middle there is a burst of
    ten times the users. At the end, the audit compares each promised order with its effects.

    Work takes a twentieth of the demo's times (an email 0.1 s instead of 2 s), so that the backlog
    of the burst is processed soon. Locust's report with charts is .loadtest/run/report.html; its
    CSV files are in the same folder.

    To put a system that is already running under load, use locust itself, and audit it afterwards:

    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000

    orderctl audit --strict --accepted .loadtest/accepted.ndjson

    Exit status: 0 every check passed, at least one order was placed and the strict audit is clean;
    1 otherwise; 2 invalid arguments; 3 the audit could not read all evidence.

    Examples:

    python -m loadtest

    python -m loadtest --users 20 --time 120

    python -m loadtest --tag sync --tag lookup    # synchronous orders

    python -m loadtest --broker amqp://guest:guest@127.0.0.1:5672/
    """
    end_like_ctrl_c()
    plan = LoadPlan(users, time, folder, broker, tuple(tag or ()))
    end(lambda: _run(plan, as_json=as_json), as_json=as_json)


def _run(plan: LoadPlan, *, as_json: bool) -> int:
    outcome = load_test(plan, print_to_stderr)
    print_json(document(outcome)) if as_json else print_outcome(outcome, console())
    return outcome.exit_status


if __name__ == "__main__":
    app = typer.Typer(
        add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
    )
    app.command()(loadtest)
    run_program(app, "python -m loadtest")
