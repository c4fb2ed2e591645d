"""Turns a copy of the zygote into the requested process."""

import io
import os
import runpy
import signal
import sys
import tempfile
import time

from tests.zygote.server import Request

#: Modules that `python` has imported before a program starts.
STREAM_NAMES = ("stdin", "stdout", "stderr")


def become(request: Request, executable: str, path: list[str]) -> None:
    """Run the module as `python -m` does, and return when it ends, unless it raises.

    `executable` becomes `sys.executable`; `path` is `sys.path` without its first entry.
    """
    os.setsid()
    _connect(request.streams)
    for number in request.ignored:
        signal.signal(number, signal.SIG_IGN)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    tempfile.tempdir = None
    _open_streams(unbuffered=bool(os.environ.get("PYTHONUNBUFFERED")))
    own = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    # For example the checkout, which `orderctl` adds to PYTHONPATH too.
    others = [each for each in path if each not in own]
    sys.path[:] = [os.getcwd(), *own, *others]  # noqa: PTH109 (as Python says it)
    sys.executable = executable
    sys.argv[:] = [request.script or request.module, *request.arguments]
    # As after a normal start: the module is not in `sys.modules` until something imports it.
    for name in (request.module, f"{request.module}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    # A script keeps its own path in `sys.argv[0]`.
    runpy.run_module(request.module, run_name="__main__", alter_sys=not request.script)


def _connect(streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)


def _open_streams(*, unbuffered: bool) -> None:
    """Open new stream objects, since the zygote's remember what kind of file they had."""
    for descriptor, name in enumerate(STREAM_NAMES):
        stream = _stream(descriptor, getattr(sys, name), unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(descriptor: int, like: io.TextIOWrapper, unbuffered: bool) -> io.TextIOWrapper:
    mode = "wb" if descriptor else "rb"
    return io.TextIOWrapper(
        open(descriptor, mode, 0 if unbuffered and descriptor else -1, closefd=False),
        encoding=like.encoding,
        errors=like.errors,
        line_buffering=not unbuffered and (descriptor == 2 or os.isatty(descriptor)),
        write_through=unbuffered,
    )
