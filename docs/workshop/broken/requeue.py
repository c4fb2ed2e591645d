"""An SMS service that returns a failed message to its queue, to be redelivered immediately.

`orderctl demo --keep --orders 0 --with sms=docs.workshop.broken.requeue`
"""

from collections.abc import Sequence
from typing import Any

from docs.workshop.broken.wrapper import Wrapper
from services.sms.__main__ import compose
from services.sms.settings import SmsSettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main
from shared.transport import Delivery, connect


class Requeue(Wrapper):
    """A broker that redelivers a failed message without a delay, and counts no attempts."""

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        return _Subscription(self.inner.subscribe(service, prefetch=prefetch))


class _Subscription(Wrapper):
    def receive(self, max_messages: int, timeout: float) -> Sequence[Any]:
        received: Sequence[Delivery] = self.inner.receive(max_messages, timeout)
        return [_Requeued(delivery) for delivery in received]


class _Requeued(Wrapper):
    def retry(self, after: float, failure: object) -> None:
        # The fault: no delay and no count, like RabbitMQ's `nack` with `requeue`.
        self.inner.retry(0, None)


def run(settings: SmsSettings) -> None:
    configure_logging("sms", settings.log_level)
    broker: Any = Requeue(connect(settings.broker_url, settings.retry_ladder))
    serve(settings, lambda: compose(settings, broker=broker), threads=settings.concurrency)


if __name__ == "__main__":
    main(SmsSettings, run)
