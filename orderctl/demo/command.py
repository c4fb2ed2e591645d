"""`orderctl demo`"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from orderctl.audit import report as audit_report
from orderctl.demo import report as demo_report
from orderctl.demo.demo import DemoPlan, Shown, running, show
from orderctl.demo.keep import keep_running
from orderctl.demo.next_steps import after_demo, while_running
from orderctl.demo_folder import DEFAULT_FOLDER
from orderctl.errors import UsageError
from orderctl.output import console, end, print_json, printable
from orderctl.program import end_like_ctrl_c
from orderctl.progress import print_to_stderr
from orderctl.stack.parts import MODULES
from orderctl.stack.stack import Stack


def demo(
    orders: Annotated[
        int, typer.Option(min=0, max=10_000, help="Number of orders; 0 is allowed with --keep.")
    ] = 20,
    rate: Annotated[float, typer.Option(min=0.1, help="Orders per second.")] = 10.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")
    ] = False,
    broker: Annotated[
        str | None,
        typer.Option(help="amqp://… or kafka://…; default: the embedded broker, a file."),
    ] = None,
    latecomer: Annotated[
        bool,
        typer.Option("--latecomer", help="Start shipping after the orders and replay them to it."),
    ] = False,
    replaced: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="PART=MODULE", help="Replace the module of a part such as email."
        ),
    ] = None,
    free_ports: Annotated[
        bool,
        typer.Option("--free-ports", help="Use free ports instead of the documented ones."),
    ] = False,
    folder: Annotated[
        Path,
        typer.Option(envvar="DEMO_FOLDER", help="For databases and logs; emptied at start-up."),
    ] = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Run the whole system here, place orders, show their progress, audit, stop.

    Each service is a process with its own database. An email takes 2 s, a text message 1 s, and
    moving stock 0.5 s; customers wait for none of these. The exit status is 0 if the strict
    audit finds that every effect was applied exactly once.

    Examples:

    orderctl demo

    orderctl demo --orders 100 --rate 50

    orderctl demo --latecomer    # shipping joins after the orders and replays them

    orderctl demo --keep    # then place orders with curl, kill services, audit

    orderctl demo --broker amqp://guest:guest@127.0.0.1:5672/

    orderctl demo --broker kafka://127.0.0.1:9092

    orderctl demo --keep --orders 0 --with email=docs.workshop.broken.auto_ack
    """
    end_like_ctrl_c()
    plan = DemoPlan(orders, rate, folder, broker, latecomer, keep, not free_ports)
    end(lambda: _run(plan, replaced or (), keep=keep, as_json=as_json), as_json=as_json)


def _run(plan: DemoPlan, replaced: Sequence[str], *, keep: bool, as_json: bool) -> int:
    plan = replace(plan, replaced=_replaced(replaced))
    if not plan.orders and (plan.latecomer or as_json or not keep):
        raise UsageError("There is nothing to show without orders: use --orders 0 with --keep.")
    with running(plan, print_to_stderr) as stack:
        status = _show(stack, plan, as_json=as_json) if plan.orders else 0
        if keep:
            print_to_stderr(while_running(stack, plan))
            keep_running(stack, print_to_stderr)
    if not (keep or as_json or status):
        print_to_stderr(after_demo())
    return status


def _replaced(words: Sequence[str]) -> dict[str, str]:
    """Modules by part. Raises UsageError if a word is not a valid PART=MODULE."""
    pairs = [(part, module) for part, _, module in (word.partition("=") for word in words)]
    for part, module in pairs:
        if part not in MODULES or not module:
            raise UsageError(f"--with takes PART=MODULE; the parts are {', '.join(MODULES)}.")
    return dict(pairs)


def _show(stack: Stack, plan: DemoPlan, *, as_json: bool) -> int:
    seen = show(stack, plan, print_to_stderr)
    print_json(document(seen)) if as_json else _print(seen)
    return seen.exit_status


def _print(seen: Shown) -> None:
    screen = console()
    screen.print(Text("\nEach order's response time, then how much later each service was done:"))
    screen.print(demo_report.timeline_table(seen.rows))
    for reason in dict.fromkeys(seen.placing.failures):
        screen.print(Text(f"Not accepted: {printable(reason)}", style="red"))
    screen.print(Text(f"\n{demo_report.comparison(seen.rows)}\n", style="bold"))
    if seen.latecomer:
        screen.print(Text("The latecomer joined after all of these orders had been placed:"))
        screen.print(demo_report.latecomer_table(seen.latecomer))
        screen.print(Text(""))
    audit_report.print_report(seen.audit, screen)


def document(seen: Shown) -> dict[str, Any]:
    return {
        "orders": demo_report.document(seen.rows),
        "failures": seen.placing.failures,
        "comparison": demo_report.comparison(seen.rows),
        "latecomer": seen.latecomer and [asdict(moment) for moment in seen.latecomer.moments],
        "audit": audit_report.document(seen.audit),
        "exitStatus": seen.exit_status,
    }
