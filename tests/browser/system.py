"""The system behind the page: like the demo, but faster, and with fault injection."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from orderctl.stack.parts import MODULES
from orderctl.stack.stack import Stack
from tests.zygote.client import fork_python

#: Work times in seconds, just long enough to be visible.
WORK_TIMES = {"email": 0.4, "sms": 0.2, "inventory": 0.1}
QUICK_LADDER = (0.5, 1.0, 2.0)


@contextmanager
def a_system(
    folder: Path,
    *,
    work_times: Mapping[str, float] = WORK_TIMES,
    ladder: Sequence[float] = QUICK_LADDER,
) -> Iterator[Stack]:
    """A running system in which every part is ready."""
    faults = {name: {"FAULTS_ALLOWED": "true"} for name in MODULES}
    with Stack(
        folder,
        ladder=ladder,
        work_times=work_times,
        environment=faults,
        page=True,
        start=fork_python,
    ) as stack:
        stack.setup()
        stack.start_all()
        stack.wait_ready()
        yield stack
