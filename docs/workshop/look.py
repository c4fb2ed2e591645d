"""Prints the events that a broker keeps: `python -m docs.workshop.look log`.

On Kafka, `… groups SERVICE` prints the offsets of a consumer group. The broker is that of the
running demo, or BROKER_URL.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import typer

from orderctl.output import console, end, table
from orderctl.program import run_program
from orderctl.settings import BrokerSettings
from shared.settings import load
from shared.transport import Span, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.admin import asking, committed

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def log(count: int = 10) -> None:
    """The oldest stored events, each with its position."""
    end(lambda: _log(count), as_json=False)


def _log(count: int) -> int:
    settings = load(BrokerSettings)
    archive = connect(settings.broker_url, settings.retry_ladder).archive(settings.consumers[0])
    made = table("position", "key", "type")
    with closing(archive.read(Span())) as stored:
        for event in islice(stored, count):
            made.add_row(event.position, event.message.key, event.message.type)
    console().print(made)
    return 0


@app.command()
def groups(service: str) -> None:
    """Kafka: the committed offset and lag of a service in each partition."""
    end(lambda: _groups(service), as_json=False)


def _groups(service: str) -> int:
    made = table("partition", "committed", "end", "lag", numbers=("committed", "end", "lag"))
    for row in _lags(load(BrokerSettings), service):
        made.add_row(*map(str, row))
    console().print(made)
    return 0


def _lags(settings: BrokerSettings, service: str) -> Iterator[tuple[int, int, int, int]]:
    cluster = address(settings.broker_url, settings.retry_ladder)
    topic, group = cluster.layout.events(), cluster.layout.group(service)
    with asking(cluster) as admin:
        ends = admin.bounds(admin.partitions_of([topic])[topic])
    done = committed(cluster, group, list(ends))
    for partition, (start, stop) in sorted(ends.items()):
        offset = done.get(partition, start)
        yield partition[1], offset, stop, stop - offset


if __name__ == "__main__":
    run_program(app, "python -m docs.workshop.look")
