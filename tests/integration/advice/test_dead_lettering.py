"""Arguments for retries that articles set on the work queue, and their effects."""

from pika.adapters.blocking_connection import BlockingChannel

from tests.integration.advice.rabbitmq import DEAD, WORK, declare, send, size, take
from tests.waiting import eventually, stays

#: What such articles set.
MAX_RETRIES = 3


def test_rabbitmq_ignores_x_max_retries(channel: BlockingChannel) -> None:
    declare(channel, x_max_retries=MAX_RETRIES)
    send(channel, "fails each time")
    for _ in range(10 * MAX_RETRIES):
        _requeue(channel)
    # The last nack may still be on its way.
    eventually(lambda: size(channel, WORK) == 1)
    stays(lambda: (size(channel, WORK), size(channel, DEAD)) == (1, 0))


def test_a_delivery_limit_on_a_quorum_queue_ends_the_retries(channel: BlockingChannel) -> None:
    """What an author of `x-max-retries` may have meant."""
    declare(channel, x_queue_type="quorum", x_delivery_limit=MAX_RETRIES)
    send(channel, "fails each time")
    for _ in range(MAX_RETRIES + 1):
        _requeue(channel)
    eventually(lambda: size(channel, DEAD) == 1)
    assert size(channel, WORK) == 0


def test_a_time_to_live_on_the_work_queue_dead_letters_messages_that_only_waited(
    channel: BlockingChannel,
) -> None:
    """As when their consumer is down for longer: no attempt fails, as there is none."""
    declare(channel, x_message_ttl=300)
    for number in range(3):
        send(channel, f"healthy order {number}")
    eventually(lambda: size(channel, DEAD) == 3)
    assert size(channel, WORK) == 0
    _method, properties, body = channel.basic_get(DEAD)
    headers = (properties.headers if properties else None) or {}
    assert (body, headers["x-first-death-reason"]) == (b"healthy order 0", "expired")


def _requeue(channel: BlockingChannel) -> None:
    """What articles call returning a message without losing data."""

    def requeued() -> bool:
        taken = take(channel)
        if taken:
            channel.basic_nack(taken[0].delivery_tag or 0, requeue=True)
        return taken is not None

    eventually(requeued)
