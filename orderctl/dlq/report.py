"""Dead letters as tables and as JSON documents."""

import base64
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from orderctl.output import command, count, printable, table
from shared.errors import DocumentError
from shared.http.documents import read_document
from shared.transport import DeadLetter, Failure


def print_list(
    letters: Mapping[str, Iterable[DeadLetter]], counts: Mapping[str, int], console: Console
) -> None:
    """Print two lines per letter, so that ids are not wrapped and can be copied."""
    hint = ""
    for service, some in letters.items():
        if counts[service]:
            heading = f"{service}: {count(counts[service], 'dead letter')}"
            console.print(Text(heading, style="bold"))
        for letter in some:
            _print_lines(letter, console)
            hint = hint or command(f"dlq show {service} {shlex.quote(letter.handle)}")
    if hint:
        console.print(Text(printable(f"To show one: {hint}")), soft_wrap=True)
    else:
        have = "has" if len(letters) == 1 else "have"
        console.print(Text(f"{', '.join(letters)} {have} no dead letters."))


def _print_lines(letter: DeadLetter, console: Console) -> None:
    console.print(Text(printable(f"  {letter.handle}  {letter.message.key}")))
    line = Text(printable(f"    {letter.at[:19]}  {' '.join(letter.reason.split())}"))
    console.print(line, no_wrap=True, overflow="ellipsis")


def print_letter(service: str, letter: DeadLetter, console: Console) -> None:
    made = table("", "")
    made.show_header = False
    for name, value in _lines(letter):
        made.add_row(name, Text(printable(value)))
    console.print(made)
    console.print(Text(_body_text(letter.message.body)))
    hint = command(f"dlq redrive {service} {shlex.quote(letter.handle)}")
    console.print(Text(printable(f"To redrive it once the cause is fixed: {hint}")), soft_wrap=True)


def _lines(letter: DeadLetter) -> Sequence[tuple[str, str]]:
    message = letter.message
    lines = [
        ("handle", letter.handle),
        ("order", message.key or "-"),
        ("given up at", letter.at),
        ("reason", letter.reason),
        ("attempts", str(message.attempt)),
        ("first failure", _failure_line(message.first_failure)),
        ("last failure", _failure_line(message.last_failure)),
        ("event", f"{message.type or '-'} from {message.source or '-'} at {message.time or '-'}"),
        ("body", f"{count(len(message.body), 'byte')}, shown below"),
    ]
    return [(name, value) for name, value in lines if value]


def _failure_line(failure: Failure | None) -> str:
    return f"{failure.at}: {failure.reason}" if failure else ""


def _body_text(body: bytes) -> str:
    """Indented if it is JSON; otherwise with unprintable bytes escaped."""
    if _is_json(body):
        return printable(msgspec.json.format(body).decode())
    return ascii(body)[2:-1]


def _is_json(body: bytes) -> bool:
    try:
        read_document(body, object)
    except DocumentError:
        return False
    return True


def document(service: str, letter: DeadLetter) -> dict[str, Any]:
    """`body` is null if it is not JSON; `bodyBase64` always holds the exact bytes."""
    message = letter.message
    return {
        "service": service,
        "handle": letter.handle,
        "orderId": message.key,
        "reason": letter.reason,
        "at": letter.at,
        "attempts": message.attempt,
        "firstFailure": _failure(message.first_failure),
        "lastFailure": _failure(message.last_failure),
        "event": {
            "id": message.id,
            "type": message.type,
            "source": message.source,
            "time": message.time,
        },
        "body": msgspec.Raw(message.body) if _is_json(message.body) else None,
        "bodyBase64": base64.b64encode(message.body).decode(),
    }


def _failure(failure: Failure | None) -> dict[str, str] | None:
    return None if failure is None else {"reason": failure.reason, "at": failure.at}
