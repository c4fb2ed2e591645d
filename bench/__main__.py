"""`python -m bench`: how fast the pipeline is, beside bare clients that do the same work."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    # The imports below take a second; until then, Ctrl-C should not print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from bench import accepting, consuming, latency, mailing, relaying
from bench.errors import BenchError
from bench.machine import describe
from bench.pipeline import measuring as pipeline
from bench.report import document, markdown
from bench.rounds import RoundRow, Tell
from bench.testbed import BrokerKind, Testbed
from orderctl.errors import StackError
from orderctl.program import run_program
from tools.servers import ServerFailed, ServerMissing

ROUNDS = 5
ORDERS = 3000


class Name(StrEnum):
    ACCEPTING = "accepting"
    RELAYING = "relaying"
    CONSUMING = "consuming"
    LATENCY = "latency"
    MAILING = "mailing"
    PIPELINE = "pipeline"
    PIPELINE_KAFKA = "pipeline-kafka"
    PIPELINE_EMBEDDED = "pipeline-embedded"


Measure = Callable[[Testbed, int, Tell], list[RoundRow]]

BENCHMARKS: dict[Name, Measure] = {
    Name.ACCEPTING: accepting.measure,
    Name.RELAYING: relaying.measure,
    Name.CONSUMING: consuming.measure,
    Name.LATENCY: latency.measure,
    Name.MAILING: mailing.measure,
    Name.PIPELINE: partial(pipeline.measure, BrokerKind.RABBITMQ),
    Name.PIPELINE_KAFKA: partial(pipeline.measure, BrokerKind.KAFKA),
    Name.PIPELINE_EMBEDDED: partial(pipeline.measure, BrokerKind.EMBEDDED),
}


def bench(
    only: Annotated[
        list[Name] | None, typer.Option(help="This benchmark alone; may be given several times.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = ROUNDS,
    orders: Annotated[
        int, typer.Option(min=100, help="How many orders a round of the whole pipeline has.")
    ] = ORDERS,
    log_level: Annotated[
        str, typer.Option(help="LOG_LEVEL of the services. The yardsticks log nothing.")
    ] = "warning",
    as_json: Annotated[bool, typer.Option("--json", help="Figures as one JSON document.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with status 1 when a target is missed.")
    ] = False,
) -> None:
    """Measure the pipeline beside bare clients that do the same outward work.

    It starts a PostgreSQL and a RabbitMQ of its own, measures both sides of each comparison in
    turn, and prints medians as a Markdown table. Progress goes to standard error. All of it
    takes about twenty minutes; the machine should have nothing else to do.

    accepting: orders answered with 202, against a Flask view that only parses and answers, and
    against one that connects to RabbitMQ and publishes. relaying: outbox to RabbitMQ, against a
    bare pika publisher. consuming: analytics, against bare pika loops. latency: from the 202 to
    the fact in analytics, at 200 orders per second. mailing: email at 2 s of simulated work.
    pipeline: orders until all four effects are done, against four groups that do nothing; on
    Kafka and the embedded broker as well.

    Exit status: 0 figures were taken; 1 with --check, a target was missed; 2 it could not run.

    Examples:

    make bench

    make bench ARGS="--only consuming --rounds 9"

    make bench ARGS="--only pipeline --rounds 1 --orders 500"

    python -m bench --json > figures.json
    """
    try:
        rows, machine = _run(only or list(Name), rounds, orders, log_level)
    except (BenchError, StackError, ServerMissing, ServerFailed) as error:
        typer.echo(error, err=True)
        sys.exit(2)
    if as_json:
        typer.echo(json.dumps(document(rows, machine, rounds), indent=1))
    else:
        typer.echo(markdown(rows, machine, rounds))
    missed = [row for row in rows if not row.is_met]
    sys.exit(1 if check and missed else 0)


def _run(
    names: Sequence[Name], rounds: int, orders: int, log_level: str
) -> tuple[list[RoundRow], dict[str, str]]:
    _tell("starting", "PostgreSQL and RabbitMQ")
    with Testbed(log_level, orders=orders) as testbed:
        rows = []
        for name in names:
            _tell(name, "starting services")
            rows += BENCHMARKS[name](testbed, rounds, partial(_tell, name))
        return rows, {**describe(*testbed.urls), "LOG_LEVEL": log_level}


def _tell(name: str, what: str) -> None:
    typer.echo(f"{name:<17} {what}", err=True)


if __name__ == "__main__":
    # Stop the servers and delete the folders, however the program ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    app = typer.Typer(
        add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
    )
    app.command()(bench)
    run_program(app, "python -m bench")
