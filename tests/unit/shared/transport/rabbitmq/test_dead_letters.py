"""Browsed letters are back in their queue before the next request."""

from types import SimpleNamespace
from typing import Any, cast

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.transport.rabbitmq.dead_letters import Hand


class SlowQueue:
    """A queue of two letters; requeued ones are back after `naps` polls."""

    def __init__(self, naps: int) -> None:
        self._ready, self._returned, self._naps = 2, 0, naps
        self.removed = 0
        self.connection = SimpleNamespace(sleep=self._sleep)

    @property
    def ready(self) -> int:
        return self._ready

    def queue_declare(self, _queue: str, *, passive: bool) -> Any:
        assert passive
        return SimpleNamespace(method=SimpleNamespace(message_count=self._ready))

    def basic_get(self, _queue: str) -> tuple[Any, Any, Any]:
        if not self._ready:
            return None, None, None
        self._ready -= 1
        return SimpleNamespace(delivery_tag=self._ready), pika.BasicProperties(), b"{}"

    def basic_ack(self, _tag: int) -> None:
        self.removed += 1

    def basic_nack(self, tag: int, *, multiple: bool, requeue: bool) -> None:
        assert (tag, multiple, requeue) == (0, True, True)
        self._returned = 2 - self.removed - self._ready

    def _sleep(self, _seconds: float) -> None:
        self._naps -= 1
        if self._naps == 0:
            self._ready += self._returned


@pytest.mark.parametrize("removed", [0, 1])
def test_the_next_browse_finds_all_requeued_letters(removed: int) -> None:
    queue = SlowQueue(naps=3)
    hand = Hand(cast(BlockingChannel, queue), "email_service_queue.dlq")
    for found in list(hand.take(10))[:removed]:
        hand.remove(found)
    hand.put_back()
    assert queue.ready == 2 - removed


def test_waiting_for_letters_taken_by_another_client_is_limited() -> None:
    queue = SlowQueue(naps=-1)
    hand = Hand(cast(BlockingChannel, queue), "email_service_queue.dlq")
    assert len(list(hand.take(10))) == 2
    hand.put_back(within=0.05)
    assert queue.ready == 0
