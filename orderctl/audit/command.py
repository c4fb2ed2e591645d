"""`orderctl audit`"""

from pathlib import Path
from typing import Annotated

import typer

from orderctl.audit.audit import Options, Result, run_audit
from orderctl.audit.quiet import TIMEOUT_SECONDS
from orderctl.audit.report import document, print_report
from orderctl.audit.unfinished import interrupted_or_not
from orderctl.output import console, end, print_json
from orderctl.progress import progress
from orderctl.settings import Addresses
from shared.settings import load


def audit(
    accepted: Annotated[
        Path | None,
        typer.Option(help="The ledger of responses that place or demo wrote (NDJSON)."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Also fail on waiting, dead-lettered or resent effects."),
    ] = False,
    crashes: Annotated[
        int,
        typer.Option(
            min=0,
            help="With --strict: how many emails may have been sent twice, one for each email "
            "that was in flight during a crash.",
        ),
    ] = 0,
    quiet: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds without any activity; default: 5, plus the longest retry delay in use.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="How long to wait for that, in seconds.")
    ] = TIMEOUT_SECONDS,
    as_json: Annotated[
        bool, typer.Option("--json", help="The whole report as one JSON document.")
    ] = False,
) -> None:
    """Compare each accepted order with its effects.

    The evidence comes from the downstream systems: the mail server, the SMS gateway, the stock and
    the facts. The audit waits until nothing moves, so that an effect still missing is lost. It
    keeps its evidence in a temporary file, in TMPDIR or /var/tmp: 5 KB for each order.

    Exit status: 0 all is well; 1 an effect is lost, duplicated, wrong or without an order (with
    --strict also: waiting, dead-lettered, or an email sent again without a crash); 3 some
    evidence cannot be read, or the audit cannot be finished.

    Addresses come from ORDER_URL, RELAY_URL, EMAIL_URL, SMS_URL, INVENTORY_URL, ANALYTICS_URL,
    MAIL_URL, SMS_GATEWAY_URL, BROKER_URL, CONSUMERS and RETRY_LADDER, else from the demo running
    in .demo, else from the documented ports.

    Examples:

    orderctl audit

    orderctl audit --strict --accepted .demo/accepted.ndjson

    orderctl audit --timeout 0 --json    # the current state, without waiting
    """
    options = Options(accepted, quiet, timeout, strict, crashes)
    end(lambda: _run(options, as_json=as_json), as_json=as_json)


def _run(options: Options, *, as_json: bool) -> int:
    addresses = load(Addresses)
    with interrupted_or_not(), progress() as tell:
        result = run_audit(addresses, options, tell=tell)
    show(result, as_json=as_json)
    return result.exit_status


def show(result: Result, *, as_json: bool) -> None:
    if as_json:
        print_json(document(result))
    else:
        print_report(result, console())
