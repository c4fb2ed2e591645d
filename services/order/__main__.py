"""`python -m services.order`: accepts orders over HTTP, in several workers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from services.order.settings import OrderSettings
from shared.server import serve
from shared.settings import main


def run(settings: OrderSettings) -> None:
    with _shared_metrics():
        # prometheus_client looks for the folder once, when it is imported; so must these be.
        from prometheus_client.multiprocess import mark_process_dead

        from services.order.app import compose
        from shared.observability import configure_logging

        configure_logging("order", settings.log_level)
        serve(
            settings,
            lambda: compose(settings),
            workers=settings.workers,
            threads=settings.threads,
            child_exit=lambda _server, worker: mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
        )


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which the workers count together, so that any of them can answer for all.

    A new one for each start: what an earlier run left there would be counted again.
    """
    folder = tempfile.mkdtemp(prefix="order-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    owner = os.getpid()
    try:
        yield
    finally:
        # Workers are forks of this process, and leave through here too.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(OrderSettings, run)
