"""`nack` with `requeue`: nothing is lost, and nothing else is done."""

from pika.adapters.blocking_connection import BlockingChannel

from tests.integration.advice.rabbitmq import WORK, declare, send, size
from tests.waiting import eventually

DELIVERIES = 500


def test_a_requeued_message_comes_first_again_and_holds_up_the_others(
    channel: BlockingChannel,
) -> None:
    declare(channel)
    send(channel, "fails each time")
    for number in range(10):
        send(channel, f"order {number}")
    eventually(lambda: size(channel, WORK) == 11)
    channel.basic_qos(prefetch_count=1)

    delivered: list[bytes] = []
    redelivered = 0
    for method, _properties, body in channel.consume(WORK):
        assert method
        delivered.append(body or b"")
        redelivered += bool(method.redelivered)
        channel.basic_nack(method.delivery_tag or 0, requeue=True)
        if len(delivered) == DELIVERIES:
            break
    channel.cancel()

    # Nothing waited in between, and none of the ten orders had its turn.
    assert delivered == [b"fails each time"] * DELIVERIES
    assert redelivered == DELIVERIES - 1
