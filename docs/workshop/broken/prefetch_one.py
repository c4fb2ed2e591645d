"""An email service that takes one message at a time, although it could send 32 in parallel.

`orderctl demo --keep --orders 0 --with email=docs.workshop.broken.prefetch_one`
"""

from typing import Any

from docs.workshop.broken.wrapper import Wrapper
from services.email.__main__ import compose
from services.email.settings import EmailSettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main
from shared.transport import connect


class PrefetchOne(Wrapper):
    """A broker that delivers at most one unacknowledged message per consumer."""

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        # The fault: 31 of the 32 sending threads are always idle.
        return self.inner.subscribe(service, prefetch=1)


def run(settings: EmailSettings) -> None:
    configure_logging("email", settings.log_level)
    broker: Any = PrefetchOne(connect(settings.broker_url, settings.retry_ladder))
    serve(settings, lambda: compose(settings, broker=broker), threads=settings.concurrency)


if __name__ == "__main__":
    main(EmailSettings, run)
