"""Wrappers around a broker that run code at one point of a delivery or a publish."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.transport import Broker, Message


class Wrapped:
    """Delegates every attribute that a subclass does not replace."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __enter__(self) -> Any:
        self.inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.inner.__exit__(*error)


class BeforeAck(Wrapped):
    """A broker that calls `then` before each ack."""

    def __init__(self, broker: Broker, then: Callable[[], None]) -> None:
        super().__init__(broker)
        self._then = then

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        return _Subscription(self.inner.subscribe(service, prefetch=prefetch), self._then)


class _Subscription(Wrapped):
    def __init__(self, inner: Any, then: Callable[[], None]) -> None:
        super().__init__(inner)
        self._then = then

    def receive(self, max_messages: int, timeout: float) -> list[Any]:
        received = self.inner.receive(max_messages, timeout)
        return [_Delivery(delivery, self._then) for delivery in received]


class _Delivery(Wrapped):
    def __init__(self, inner: Any, then: Callable[[], None]) -> None:
        super().__init__(inner)
        self._then = then

    def ack(self) -> None:
        self._then()
        self.inner.ack()


class Publishing(Wrapped):
    """A broker whose publishers only publish messages that `keep` accepts, then call `then`."""

    def __init__(
        self,
        broker: Broker,
        *,
        keep: Callable[[Message], bool] = lambda _message: True,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(broker)
        self._keep = keep
        self._then = then

    def publisher(self) -> Any:
        return _Publisher(self.inner.publisher(), self._keep, self._then)


class _Publisher(Wrapped):
    def __init__(
        self, inner: Any, keep: Callable[[Message], bool], then: Callable[[], None]
    ) -> None:
        super().__init__(inner)
        self._keep = keep
        self._then = then

    def publish(self, messages: Sequence[Message]) -> None:
        self.inner.publish([message for message in messages if self._keep(message)])
        self._then()
