"""Runs a program of ours from a shell, whatever its streams are connected to."""

import io
import os
import signal
import sys

import typer

from orderctl.output import sentences
from orderctl.progress import print_to_stderr
from orderctl.settings import overruled


def run_program(app: typer.Typer, name: str) -> None:
    open_streams()
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with sentences(as_json=False):
        if not _completes(name):
            _say_what_wins()
        app(prog_name=name)


def _completes(name: str) -> bool:
    """Whether a shell asks for what could come next: it shows whatever else is said."""
    return f"_{name.upper()}_COMPLETE" in os.environ


def _say_what_wins() -> None:
    if names := overruled():
        print_to_stderr(
            "A demo runs, but this shell has other values for some variables, and they are used. "
            f"To look at the demo: unset {' '.join(names)}"
        )


def open_streams() -> None:
    """Make all three streams usable, also where the shell closed one or takes ASCII only."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A bar or an arrow that cannot be shown is a question mark, and not the end.
            stream.reconfigure(errors="replace")


def end_like_ctrl_c() -> None:
    """A closed terminal and a polite kill end the program as Ctrl-C does: in good order.

    Under `nohup` a closed terminal is to be ignored, and stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
