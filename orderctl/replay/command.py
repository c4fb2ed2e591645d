"""`orderctl replay`"""

from typing import Annotated, Any

import msgspec
import typer

from orderctl.errors import UsageError
from orderctl.http_client import open_client
from orderctl.output import console, end, print_json
from orderctl.progress import print_to_stderr, progress
from orderctl.replay.client import ReplayAnswer, ReplayClient, exit_status
from orderctl.replay.report import announcement, print_replay
from orderctl.settings import ConsumerAddresses
from shared.errors import SpanError
from shared.settings import load
from shared.transport.archive import parse_point

POINT = "beginning, a time (2026-03-04T05:06:07Z) or an offset (1200; on Kafka also 3:1200)"


def replay(
    service: Annotated[str, typer.Argument(help="The service: analytics, email, …")],
    start: Annotated[str | None, typer.Option("--from", help=f"The start: {POINT}.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="The end, exclusive; default: the newest event."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the events.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="email, sms: also resend sent messages.")
    ] = False,
    again: Annotated[
        str | None, typer.Option(help="Rerun the interrupted replay with this id.")
    ] = None,
    follow: Annotated[str | None, typer.Option(help="Only watch the replay with this id.")] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="How long to wait for its end, in seconds.")
    ] = 3600.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Make a service reread the events that the broker has kept.

    analytics and shipping rebuild their data, with the same result. email, sms and inventory
    apply only the events that they have not applied yet, unless --resend is given. The live
    queues are not touched. The exit status is 1 if the replay or one of its events failed.

    Examples:

    orderctl replay analytics --from beginning

    orderctl replay shipping --from 2026-03-04T05:06:07Z --dry-run

    orderctl replay email --from 1200 --to 1300 --resend
    """
    request = {"from": start, "to": to, "dryRun": dry_run, "resend": resend}

    def run() -> int:
        _expect_one_way(start, again, follow)
        _expect_points(start, to)
        with open_client() as client:
            replays = ReplayClient(client, load(ConsumerAddresses), service)
            answer = replays.find(follow) if follow else replays.begin(_request(request, again))
            print_to_stderr(announcement(service, answer.replay))
            with progress() as tell:
                answer = replays.follow(answer, timeout=timeout, tell=tell)
        _show(service, answer, as_json=as_json)
        return exit_status(answer.replay)

    end(run, as_json=as_json)


def _expect_one_way(*ways: str | None) -> None:
    if len([way for way in ways if way is not None]) != 1:
        raise UsageError(
            "Use exactly one of --from beginning (a new replay), --again ID (rerun one) and "
            "--follow ID (watch one)."
        )


def _expect_points(*points: str | None) -> None:
    for point in points:
        try:
            parse_point(point or "beginning")
        except SpanError as error:
            raise UsageError(str(error)) from error


def _request(request: dict[str, Any], again: str | None) -> dict[str, Any]:
    if again is None:
        return request
    if request["to"] or request["dryRun"] or request["resend"]:
        raise UsageError("--again repeats a replay as it was: it takes no other options.")
    return {"again": again}


def _show(service: str, answer: ReplayAnswer, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.Raw(answer.json))
    else:
        print_replay(service, answer.replay, console())
