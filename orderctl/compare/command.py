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
#: For a quick impression: all simulated times are divided by ten.
QUICK = Size(orders=10, rate=5.0, scale=0.1)


def compare_modes(
    scenario: Annotated[
        list[str] | None,
        typer.Option(help=f"Run only this one; repeatable: {', '.join(NAMES)}."),
    ] = None,
    orders: Annotated[
        int, typer.Option(min=2, max=5000, help="Orders per mode; a p99 needs 500.")
    ] = ORDERS,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Orders per second.")] = RATE,
    quick: Annotated[
        bool, typer.Option("--quick", help="Ten orders, all times divided by ten: about a minute.")
    ] = False,
    broker: Annotated[
        str | None,
        typer.Option(help="Start a new shop on this broker: amqp://… or kafka://…"),
    ] = None,
    report: Annotated[Path, typer.Option(help="The folder for report.html and pictures.")] = REPORT,
    drawn_from: Annotated[
        Path | None,
        typer.Option("--from", help="Only redraw the report of this comparison.json."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print comparison.json.")] = False,
) -> None:
    """Place the same orders sync, parallel and async under six conditions, and compare.

    The scenarios are: healthy, email slow, email down, SMS failing, inventory crashing, and ten
    times the load. Orders come at a fixed rate, whatever the response times. At the end, the
    audit checks every order.

    It measures the running shop (that of demo --keep, or of ORDER_URL and the audit's other
    variables), which must allow faults. If there is none, it starts one of its own, which needs
    only Python and takes about four minutes. All faults are cleared before and after.

    It writes report.html, which works offline, four pictures and comparison.json. The exit
    status is 1 if an effect was lost or duplicated.

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
        raise UsageError(f"--scenario {', '.join(unknown)}: choose from {', '.join(NAMES)}.")
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
    """The addresses of the running shop, or of a newly started one."""
    running = None if broker else running_shop()
    if running:
        say(f"Measuring the shop at {running.order_url}.")
        yield running
        return
    with shop_of_our_own(broker, size.scale, say) as addresses:
        yield addresses


def words(scenarios: Sequence[str], size: Size, broker: str | None, *, quick: bool) -> str:
    """The command to repeat the measurement, without the broker's address and password."""
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
