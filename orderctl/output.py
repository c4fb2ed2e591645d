"""Writes results to standard output and everything else to standard error."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.errors import CommandError
from shared.errors import BrokerUnavailable, PipelineError, QueuesMissing, SettingsError

_encoder = msgspec.json.Encoder(decimal_format="number")


def print_json(document: object) -> None:
    """Print a command's one JSON document, indented.

    It is always UTF-8: written as text, characters that the terminal's encoding lacks would be
    lost.
    """
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.format(_encoder.encode(document)) + b"\n")
    sys.stdout.buffer.flush()


def print_json_list(documents: Iterable[object]) -> None:
    """Print a JSON list of any length with only one entry in memory at a time."""
    sys.stdout.flush()
    out, before = sys.stdout.buffer, b"[\n"
    for document in documents:
        text = msgspec.json.format(_encoder.encode(document))
        out.write(before + b"  " + text.replace(b"\n", b"\n  "))
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")
    out.flush()


#: The width of output that does not go to a terminal: wide enough not to cut lines in a log.
WIDTH_ELSEWHERE = 160


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would exit with status 1, which the audit reserves for lost orders.
        raise BrokenPipeError


def console() -> Console:
    """For people, on standard output. Ids are data, so markup and links in them stay text."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_ELSEWHERE
    return _Console(highlight=False, markup=False, emoji=False, width=width)


def on_stderr() -> Console:
    return _Console(stderr=True, highlight=False, markup=False, emoji=False)


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """A table whose columns named in `numbers` are right-aligned and never wrapped."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        is_number = name in numbers
        made.add_column(
            Text(name),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    return made


def printable(text: str) -> str:
    """The text with terminal control characters escaped: \\x1b instead of an escape."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def end(run: Callable[[], int], *, as_json: bool) -> NoReturn:
    """Run a command and exit; an error is printed as a sentence, never as a traceback."""
    with sentences(as_json=as_json):
        sys.exit(run())


@contextmanager
def sentences(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except PipelineError as error:
        if as_json:
            print_json({"error": str(error)})
        print(_advice(error), file=sys.stderr)
        sys.exit(_status(error))
    except KeyboardInterrupt:
        # The status that a shell reports for a program ended by Ctrl-C.
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output, `head` for instance, has closed the pipe.
        _let_go(sys.stdout, sys.stderr)
        sys.exit(141)
    except OSError as error:
        # A full disk, a read-only folder, or no more file descriptors.
        print(f"{error.filename or 'The system'}: {error.strerror or error}", file=sys.stderr)
        _let_go(sys.stdout)
        sys.exit(os.EX_IOERR)


def _let_go(*streams: TextIO) -> None:
    """Discard unwritable output; otherwise it would fail again, with a traceback, at exit."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _status(error: PipelineError) -> int:
    if isinstance(error, CommandError):
        return error.status
    return 2 if isinstance(error, SettingsError) else 1


def _advice(error: PipelineError) -> str:
    if isinstance(error, QueuesMissing):
        return (
            f"The broker lacks queues or topics: {error}\n"
            "Run python -m shared.topology to create them."
        )
    if isinstance(error, BrokerUnavailable):
        return f"The broker is unavailable: {error}\nStart it, or set BROKER_URL to its address."
    return str(error)


def seconds(value: float) -> str:
    """A duration for people: 9 ms, 2.3 s."""
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.1f} s"


def command(words: str) -> str:
    """An orderctl command line to copy: invoked as this one was, from the same folder."""
    return f"{_called(Path(sys.argv[0]), Path(sys.executable))} {words}"


def _called(program: Path, python: Path) -> str:
    """How to invoke this program: the command `orderctl`, or Python with a module.

    Always as it was invoked, since a command of this name may belong to another checkout.
    """
    if program.name == "orderctl":
        return _typed(program)
    return f"{_typed(python)} -m orderctl"


def _typed(program: Path) -> str:
    """The program's name if it is on the PATH, else its path."""
    if shutil.which(program.name) == str(program):
        return program.name
    path = program.absolute()
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else program
    # Without a slash, a shell would search the PATH.
    return shlex.quote(str(path)) if len(path.parts) > 1 else f"./{shlex.quote(path.name)}"


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 order`, `2 orders`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
