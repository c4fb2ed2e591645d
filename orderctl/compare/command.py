"""`orderctl compare`"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.text import Text

from orderctl.compare.comparison import ComparisonRequest, compare
from orderctl.compare.files import read_comparison, write_report
from orderctl.compare.results import Comparison
from orderctl.compare.scenarios import ORDERS, RATE, Scenario, Size, scenarios
from orderctl.compare.target import open_shop, running_shop, shop_of_our_own
from orderctl.compare.terminal import print_comparison
from orderctl.errors import UsageError
from orderctl.output import command, console, end, print_json
from orderctl.program import end_like_ctrl_c
from orderctl.progress import Tell, print_to_stderr
from orderctl.settings import Addresses

REPORT = Path("report")
LEDGER = "accepted.ndjson"
NAMES = [scenario.name for scenario in scenarios(Size())]
#: For a first look: all times of the lesson are a tenth of what they are.
QUICK = Size(orders=10, rate=5.0, scale=0.1)


def compare_modes(
    scenario: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this one, and again for others: {', '.join(NAMES)}."),
    ] = None,
    orders: Annotated[
        int, typer.Option(min=2, max=5000, help="Orders in each mode; a p99 takes 500.")
    ] = ORDERS,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Orders a second.")] = RATE,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of all times, ten orders: a minute in all.")
    ] = False,
    broker: Annotated[
        str | None,
        typer.Option(help="amqp://… or kafka://… for a shop that is started for this."),
    ] = None,
    report: Annotated[Path, typer.Option(help="The folder for report.html and pictures.")] = REPORT,
    drawn_from: Annotated[
        Path | None,
        typer.Option("--from", help="Draw the report of this comparison.json again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="comparison.json on the output.")] = False,
) -> None:
    """Place the same orders sync, parallel and async, in good times and bad, and compare.

    Six scenarios: all is well, email slow, email down, SMS failing, inventory crashing, and ten
    times as many orders. Customers come at a rate, whether or not the ones before them have been
    answered. At the end the audit says what became of every order.

    It measures the shop that is running (the demo's with --keep, or the one that ORDER_URL and
    the other variables of the audit name), which has to allow faults, or else one that it
    starts itself, which takes about four minutes and nothing but Python. All faults are ended
    before and after.

    Writes report.html, which opens without a network, four pictures and comparison.json. Exit
    status 1: something was lost, or done twice.

    Examples:

    orderctl compare

    orderctl compare --quick

    orderctl compare --scenario email-down --scenario burst

    orderctl compare --scenario healthy --orders 500 --rate 5    # with a p99

    orderctl compare --from report/comparison.json --report elsewhere
    """
    end_like_ctrl_c()
    size = QUICK if quick else Size(orders, rate)
    said = words(scenario or (), size, broker, quick=quick)

    def run() -> int:
        chosen = _chosen(scenario, size)
        found = read_comparison(drawn_from) if drawn_from else _measure(chosen, size, broker, said)
        written = write_report(found, report)
        print_json(found) if as_json else _show(found, written)
        return 0 if found.is_clean else 1

    end(run, as_json=as_json)


def _chosen(names: Sequence[str] | None, size: Size) -> Sequence[Scenario]:
    if unknown := set(names or ()) - set(NAMES):
        raise UsageError(f"--scenario: there is no {', '.join(unknown)}, but {', '.join(NAMES)}.")
    return [each for each in scenarios(size) if not names or each.name in names]


def _measure(chosen: Sequence[Scenario], size: Size, broker: str | None, said: str) -> Comparison:
    with (
        TemporaryDirectory() as folder,
        _addresses(broker, size, print_to_stderr) as addresses,
        open_shop(addresses) as target,
    ):
        request = ComparisonRequest(chosen, Path(folder) / LEDGER, command(said))
        return compare(target, request, print_to_stderr)


@contextmanager
def _addresses(broker: str | None, size: Size, say: Tell) -> Iterator[Addresses]:
    """Where the shop is: the one that runs, or else one of our own."""
    running = None if broker else running_shop()
    if running:
        say(f"Measuring the shop that runs at {running.order_url}.")
        yield running
        return
    with shop_of_our_own(broker, size.scale, say) as addresses:
        yield addresses


def words(scenarios: Sequence[str], size: Size, broker: str | None, *, quick: bool) -> str:
    """What somebody types to measure the same; a broker's address may hold a password."""
    numbers = [] if quick else _changed(size)
    chosen = [f"--scenario {name}" for name in scenarios]
    kind = [f"--broker {broker.partition(':')[0]}://…"] if broker else []
    return " ".join(filter(None, ["compare", "--quick" if quick else "", *numbers, *chosen, *kind]))


def _changed(size: Size) -> list[str]:
    orders = [f"--orders {size.orders}"] if size.orders != ORDERS else []
    return orders + ([f"--rate {size.rate:g}"] if size.rate != RATE else [])


def _show(found: Comparison, written: Sequence[Path]) -> None:
    screen = console()
    print_comparison(found, screen)
    for path in written:
        screen.print(Text(f"Written: {path}"))
