"""Runs a command-line program, whatever its standard streams are connected to."""

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
            _warn_of_overrides()
        app(prog_name=name)


def _completes(name: str) -> bool:
    """Whether a shell is requesting completions; it would show any other output as well."""
    return f"_{name.upper()}_COMPLETE" in os.environ


def _warn_of_overrides() -> None:
    if names := overruled():
        print_to_stderr(
            "A demo is running, but variables of this shell override its addresses. "
            f"To use the demo: unset {' '.join(names)}"
        )


def open_streams() -> None:
    """Make all three streams usable, even if the shell closed one or accepts only ASCII."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An unprintable bar or arrow becomes a question mark instead of an error.
            stream.reconfigure(errors="replace")


def end_like_ctrl_c() -> None:
    """Make SIGTERM and a closed terminal end the program as Ctrl-C does, with its clean-up.

    Under `nohup`, a closed terminal stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
