"""`orderctl doctor`"""

from typing import Annotated

import typer

from orderctl.doctor.checks import examine
from orderctl.doctor.report import document, exit_status, print_report
from orderctl.http_client import open_client
from orderctl.output import console, end, print_json

#: Seconds to wait for each response.
TIMEOUT = 5.0


def doctor(
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds between the two measurements of each backlog.")
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Diagnose the system and suggest what to do next. It changes nothing.

    Exit status: 0 no problem (but perhaps warnings); 1 at least one problem.

    Examples:

    orderctl doctor

    orderctl doctor --seconds 30 --json
    """
    end(lambda: _run(seconds, as_json=as_json), as_json=as_json)


def _run(seconds: float, *, as_json: bool) -> int:
    with open_client() as client:
        client.timeout = TIMEOUT
        findings = list(examine(client, seconds))
    if as_json:
        print_json(document(findings))
    else:
        print_report(findings, console())
    return exit_status(findings)
