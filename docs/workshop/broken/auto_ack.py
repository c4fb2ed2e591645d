"""An email service that acknowledges each message on arrival, before it does any work.

`orderctl demo --keep --orders 0 --with email=docs.workshop.broken.auto_ack`
"""

from collections.abc import Sequence
from typing import Any

from docs.workshop.broken.wrapper import Wrapper
from services.email.__main__ import compose
from services.email.settings import EmailSettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main
from shared.transport import Delivery, connect


class AutoAck(Wrapper):
    """A broker whose deliveries are already acknowledged."""

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        return _Subscription(self.inner.subscribe(service, prefetch=prefetch))


class _Subscription(Wrapper):
    def receive(self, max_messages: int, timeout: float) -> Sequence[Any]:
        received: Sequence[Delivery] = self.inner.receive(max_messages, timeout)
        for delivery in received:
            # The fault: from here on, the message exists only in this process.
            delivery.ack()
        return [_Acknowledged(delivery) for delivery in received]


class _Acknowledged(Wrapper):
    """A delivery that the broker has already forgotten."""

    def ack(self) -> None:
        pass

    def retry(self, after: float, failure: object) -> None:
        pass

    def dead_letter(self, reason: str) -> None:
        pass


def run(settings: EmailSettings) -> None:
    configure_logging("email", settings.log_level)
    broker: Any = AutoAck(connect(settings.broker_url, settings.retry_ladder))
    serve(settings, lambda: compose(settings, broker=broker), threads=settings.concurrency)


if __name__ == "__main__":
    main(EmailSettings, run)
