"""The files in which the workers of the order service count together.

Any worker then answers for all. The files are memory that is shared: where the disk behind a page
is full, the process that counts dies of it. So that cannot come later, all of a file is reserved
before anything is counted in it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.serving.server import IN_MEMORY

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: The labels are bounded, and what they need at most is less than half of this.
RESERVED_BYTES = 256 * 1024
KINDS = ("counter", "histogram")


@contextmanager
def shared_counts() -> Iterator[None]:
    """A new folder for each start: what an earlier run left there would be counted again."""
    owner, folder = os.getpid(), tempfile.mkdtemp(prefix="order-metrics-")
    os.environ[FOLDER] = folder
    reserve()
    try:
        yield
    finally:
        # Workers are forks of this process, and leave through here too.
        if os.getpid() == owner:
            for each in {folder, os.environ[FOLDER]}:
                shutil.rmtree(each, ignore_errors=True)


def reserve() -> None:
    """Called in each process before it counts anything. Raises OSError when there is no room.

    Should the folder have no room, or somebody have cleaned it out with whatever else was old,
    this process counts elsewhere, or in a new one: its orders matter more than its counts.
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
