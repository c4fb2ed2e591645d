"""Prints the state of a process at its start, waits for a line, and exits with a status.

The status is the first argument; with `wait`, it runs until a signal ends it.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP)


def found() -> dict[str, object]:
    streams: tuple[Any, ...] = (sys.stdin, sys.stdout, sys.stderr)
    return {
        "name": __name__,
        "argv": sys.argv,
        "path": sys.path,
        "flags": [sys.dont_write_bytecode, tempfile.gettempdir()],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "leads its session": os.getpid() == os.getsid(0) == os.getpgid(0),
        "descriptors": sorted(os.listdir("/dev/fd"))[:3],  # noqa: PTH208
        "open": len(os.listdir("/dev/fd")),  # noqa: PTH208
        "streams": [
            [s.encoding, s.errors, s.line_buffering, getattr(s, "write_through", None)]
            for s in streams
        ],
        "handlers": [repr(signal.getsignal(number)) for number in HANDLED],
        "wakeup": signal.set_wakeup_fd(-1),
        "threads": threading.active_count(),
        "itself": "tests.unit.zygote.a_mirror" in sys.modules,
        "counting": "prometheus_client" in sys.modules,
    }


if __name__ == "__main__":
    print(json.dumps(found()), flush=True)
    if sys.argv[1:] == ["wait"] or "WAITS" in os.environ:
        signal.pause()
    sys.exit(int(sys.argv[1]) if sys.argv[1:] else 3)
