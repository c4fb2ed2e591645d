"""A copy of the zygote becomes the process that somebody has asked for."""

import io
import os
import runpy
import signal
import sys
import tempfile
import time

from tests.zygote.server import Request

#: What `python` does without at its start, since the zygote has done it.
STREAM_NAMES = ("stdin", "stdout", "stderr")


def become(request: Request, executable: str, path: list[str]) -> None:
    """Run the module as `python -m` does, and return when it does, unless it raises.

    `executable` is what starts further processes; `path` is where modules are, without the folder
    that comes first.
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
    # The checkout, say, which the environment of `orderctl` names as well.
    others = [each for each in path if each not in own]
    sys.path[:] = [os.getcwd(), *own, *others]  # noqa: PTH109 (as Python says it)
    sys.executable = executable
    sys.argv[:] = [request.script or request.module, *request.arguments]
    # As at a start: it is imported as a module only if another module asks for it.
    for name in (request.module, f"{request.module}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    # A script keeps its own path as the first word.
    runpy.run_module(request.module, run_name="__main__", alter_sys=not request.script)


def _connect(streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)


def _open_streams(*, unbuffered: bool) -> None:
    """New ones, written as those of the zygote are, which remember what kind of file theirs was."""
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
