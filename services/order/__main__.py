"""`python -m services.order`: accepts orders over HTTP, in several workers."""

from services.order.counting import shared_counts
from services.order.settings import OrderSettings
from shared.serving.server import serve
from shared.settings import main


def run(settings: OrderSettings) -> None:
    with shared_counts():
        # Imported late: prometheus_client looks for the folder once, at its import.
        from prometheus_client.multiprocess import mark_process_dead

        from services.order.app import compose
        from services.order.metrics import begin_to_count
        from shared.observability import configure_logging

        configure_logging("order", settings.log_level)
        serve(
            settings,
            lambda: compose(settings),
            workers=settings.workers,
            threads=settings.threads,
            post_fork=lambda _server, _worker: begin_to_count(),
            child_exit=lambda _server, worker: mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
        )


if __name__ == "__main__":
    main(OrderSettings, run)
