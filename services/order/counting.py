"""The files in which the workers of the order service share their metrics.

They let any worker respond with the metrics of all. The files are memory-mapped: if the disk is
full when a page is first written, the process is killed. Therefore each file is fully allocated
before use.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.serving.server import IN_MEMORY

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: The number of label values is limited; all of them need less than half of this.
RESERVED_BYTES = 256 * 1024
KINDS = ("counter", "histogram")


@contextmanager
def shared_counts() -> Iterator[None]:
    """Use a new folder for each start, since counts of an earlier run would be added."""
    owner, folder = os.getpid(), tempfile.mkdtemp(prefix="order-metrics-")
    os.environ[FOLDER] = folder
    reserve()
    try:
        yield
    finally:
        # Workers are forks of this process, and reach this line too.
        if os.getpid() == owner:
            for each in {folder, os.environ[FOLDER]}:
                shutil.rmtree(each, ignore_errors=True)


def reserve() -> None:
    """Allocate the files of this process, before it counts anything.

    A deleted folder is created again. If the disk is full, the process uses a folder of its own,
    in memory if possible: orders matter more than metrics. Raises OSError if that fails too.
    """
    try:
        _reserve(Path(os.environ[FOLDER]))
    except OSError:
        os.environ[FOLDER] = tempfile.mkdtemp(
            prefix="order-metrics-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None
        )
        _reserve(Path(os.environ[FOLDER]))


def _reserve(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
            _allocate(file.fileno())


def _allocate(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, RESERVED_BYTES)
    else:  # macOS
        os.write(descriptor, bytes(RESERVED_BYTES))
