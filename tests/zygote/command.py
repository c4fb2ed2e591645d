"""The tests' `python` and `orderctl`: has the zygote run `-m MODULE …`, and acts as a proxy for
that process.

Run as `command.py SOCKET PYTHON SCRIPT ARGUMENT…`, where SCRIPT is the process's `sys.argv[0]`, or
empty. PYTHON itself runs everything else.
Signals are forwarded, and the exit status is the process's. Killing this command with SIGKILL kills
the process too.
"""

import os
import signal
import sys
from socket import socket
from types import FrameType

# Started without Python's path search, which takes as long as everything here.
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))  # noqa: PTH118, PTH120

from tests.zygote.asking import ask, end_of

#: These may have hundreds of entries, all of which must reach the process unchanged.
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
OURS = ("orderctl", "services", "shared", "simulators", "docs.workshop")


def main(address: str, python: str, script: str, arguments: list[str]) -> int:
    try:
        # Without a zygote, or with a stream closed, run Python itself.
        asked = ask_like_this(address, script, arguments) if is_for_zygote(arguments) else None
    except OSError:
        asked = None
    if asked is None:
        os.execv(python, [python, *arguments])  # noqa: S606 (this process becomes it)
    connection, pid = asked
    pass_signals_on(pid)
    return end_of(connection)


def ask_like_this(address: str, script: str, arguments: list[str]) -> tuple[socket, int]:
    """Request a process with this one's environment, working directory and streams."""
    could_be = (*PASSED_ON, signal.SIGINT)
    return ask(
        address,
        arguments[1],
        arguments[2:],
        script=script,
        environment=dict(os.environ),
        folder=os.getcwd(),  # noqa: PTH109
        streams=(0, 1, 2),
        ignored=[number for number in could_be if signal.getsignal(number) == signal.SIG_IGN],
    )


def is_for_zygote(arguments: list[str]) -> bool:
    if len(arguments) < 2 or arguments[0] != "-m":
        return False
    module = arguments[1]
    return any(module == name or module.startswith(f"{name}.") for name in OURS)


def pass_signals_on(pid: int) -> None:
    def to_process(number: int, _frame: FrameType | None) -> None:
        os.kill(pid, number)

    def to_group(number: int, _frame: FrameType | None) -> None:
        os.killpg(pid, number)

    for number in PASSED_ON:
        signal.signal(number, to_process)
    signal.signal(signal.SIGINT, to_group)


def end_like(status: int) -> None:
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    end_like(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
