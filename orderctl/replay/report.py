"""What a replay will do, and what it did, for people."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.output import command, printable, table
from orderctl.replay.client import DONE, Replay

FAILURES_SHOWN = 10


def announcement(service: str, replay: Replay) -> str:
    """What it is about to do, in two sentences."""
    up_to = "what is there now" if replay.end is None else replay.end
    dry = " A dry run: it only counts." if replay.dry_run else ""
    return (
        f"Replay {replay.id}: {service} reads the stored events again, from {replay.start} up to "
        f"{up_to}. It {replay.does}.{dry} Its live queue is not touched."
    )


def print_replay(service: str, replay: Replay, console: Console) -> None:
    console.print(_counts(replay))
    for failure in replay.failures[:FAILURES_SHOWN]:
        line = f"failed at {failure.position}, event {failure.event_id}: {failure.reason}"
        console.print(Text(printable(line)))
    if (rest := replay.failed - FAILURES_SHOWN) > 0:
        console.print(Text(f"and {rest:,} more failed; --json names up to 50"))
    for remark in replay.remarks:
        console.print(Text(printable(remark)))
    style = "bold green" if replay.exit_status == 0 else "bold red"
    console.print(Text(_sentence(service, replay), style=style))


def _counts(replay: Replay) -> Table:
    made = table("", "events", "", numbers=("events",))
    for name, number, means in _rows(replay):
        if number or name == "seen":
            made.add_row(name, f"{number:,}", means)
    return made


def _rows(replay: Replay) -> Iterator[tuple[str, int, str]]:
    would = "would be " if replay.dry_run else ""
    yield "seen", replay.seen, "read from what the broker keeps"
    yield "applied", replay.applied, f"{would}done now, for the first time{_again(replay)}"
    yield "rewritten", replay.rewritten, f"{would}deleted and written anew"
    yield "already applied", replay.already_applied, "done before, and not again"
    yield "ignored", replay.ignored, "of a type that the service does not know"
    yield "failed", replay.failed, "each for a reason of its own"


def _again(replay: Replay) -> str:
    return " under an id of this replay" if replay.resend else ""


def _sentence(service: str, replay: Replay) -> str:
    if replay.state != DONE:
        again = command(f"replay {service} --again {replay.id}")
        reason = printable(replay.reason or "it does not say why")
        return f"The replay is {replay.state}: {reason}. Then: {again}"
    if replay.failed:
        return f"The replay is done, and {replay.failed:,} of {replay.seen:,} events failed."
    return f"The replay is done: {replay.seen:,} events."
