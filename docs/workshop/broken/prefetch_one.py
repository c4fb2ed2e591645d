"""Email that takes one message at a time, whatever number of mails it could send side by side.

`orderctl demo --keep --orders 0 --with email=docs.workshop.broken.prefetch_one`
"""

from typing import Any

from docs.workshop.broken.passing_on import PassingOn
from services.email.__main__ import compose
from services.email.settings import EmailSettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main
from shared.transport import connect


class PrefetchOne(PassingOn):
    """A broker that has at most one message under way to each consumer."""

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        # The fault: 32 threads could send, and 31 of them never have anything to do.
        return self.inner.subscribe(service, prefetch=1)


def run(settings: EmailSettings) -> None:
    configure_logging("email", settings.log_level)
    broker: Any = PrefetchOne(connect(settings.broker_url, settings.retry_ladder))
    serve(settings, lambda: compose(settings, broker=broker), threads=settings.concurrency)


if __name__ == "__main__":
    main(EmailSettings, run)
