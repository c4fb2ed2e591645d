"""The announcement and the result of a replay."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.output import command, printable, table
from orderctl.replay.client import exit_status
from shared.replay.shapes import DONE, FAILURES_NAMED, Replay

FAILURES_SHOWN = 10


def announcement(service: str, replay: Replay) -> str:
    """The range of the replay and its effect, in a few sentences."""
    up_to = "the newest one" if replay.end is None else replay.end
    dry = " This is a dry run: it only counts." if replay.dry_run else ""
    return (
        f"Replay {replay.id}: {service} rereads the stored events, from {replay.start} up to "
        f"{up_to}. It {replay.does}.{dry} Its live queue is not touched."
    )


def print_replay(service: str, replay: Replay, console: Console) -> None:
    console.print(_counts(replay))
    for failure in replay.failures[:FAILURES_SHOWN]:
        line = f"failed at {failure.position}, event {failure.event_id}: {failure.reason}"
        console.print(Text(printable(line)))
    if (rest := replay.failed - FAILURES_SHOWN) > 0:
        console.print(Text(f"and {rest:,} more failed; --json lists up to {FAILURES_NAMED}"))
    for remark in replay.remarks:
        console.print(Text(printable(remark)))
    style = "bold green" if exit_status(replay) == 0 else "bold red"
    console.print(Text(_sentence(service, replay), style=style))


def _counts(replay: Replay) -> Table:
    made = table("", "events", "", numbers=("events",))
    for name, number, means in _rows(replay):
        if number or name == "seen":
            made.add_row(name, f"{number:,}", means)
    return made


def _rows(replay: Replay) -> Iterator[tuple[str, int, str]]:
    would = "would be " if replay.dry_run else ""
    first = " under an id of this replay" if replay.resend else " for the first time"
    yield "seen", replay.seen, "read from the stored events"
    yield "applied", replay.applied, f"{would}applied{first}"
    yield "rewritten", replay.rewritten, f"{would}deleted and written again"
    yield "already applied", replay.already_applied, "applied earlier, so not repeated"
    yield "ignored", replay.ignored, "of a type that the service does not handle"
    yield "failed", replay.failed, "each for its own reason"


def _sentence(service: str, replay: Replay) -> str:
    if replay.state != DONE:
        again = command(f"replay {service} --again {replay.id}")
        reason = printable(replay.reason or "no reason given")
        return f"The replay is {replay.state}: {reason}. To rerun it: {again}"
    if replay.failed:
        return f"The replay is done, but {replay.failed:,} of {replay.seen:,} events failed."
    return f"The replay is done: {replay.seen:,} events."
