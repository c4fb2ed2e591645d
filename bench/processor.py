"""Processor time of processes and of all that they have started. Source: proc_pid_stat(5)."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class _Process(NamedTuple):
    parent: int
    #: Its own, and that of its children that have ended and been waited for.
    seconds: float


def processor_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """So far, by name; each for a process with its children, and theirs."""
    processes = {
        int(folder.name): process
        for folder in Path("/proc").glob("[0-9]*")
        if (process := _read(folder))
    }
    return {name: _with_children(pid, processes) for name, pid in pids.items()}


def _with_children(pid: int, processes: Mapping[int, _Process]) -> float:
    own = processes[pid].seconds if pid in processes else 0.0
    children = [child for child, process in processes.items() if process.parent == pid]
    return own + sum(_with_children(child, processes) for child in children)


def _read(folder: Path) -> _Process | None:
    with suppress(OSError):
        # The name before the last parenthesis may contain anything.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])
        return _Process(int(fields[1]), ticks / os.sysconf("SC_CLK_TCK"))
    return None
