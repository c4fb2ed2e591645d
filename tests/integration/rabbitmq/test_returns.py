"""RabbitMQ never dead-letters an unacknowledged event, however often its consumer crashes."""

import time

from shared.transport import connect
from tests.builders import a_message
from tests.waiting import eventually

#: More than the delivery limit that older versions set on a work queue.
DEATHS = 105
LADDER = (0.1, 5.0)


def test_unacknowledged_events_survive_a_hundred_consumer_crashes(amqp_url: str) -> None:
    broker = connect(amqp_url, LADDER)
    broker.declare(["email"])
    messages = [a_message() for _ in range(8)]
    with broker.publisher() as publisher:
        publisher.publish(messages)

    for _ in range(DEATHS):
        with broker.subscribe("email", prefetch=len(messages)) as subscription:
            eventually(lambda: subscription.receive(len(messages), 0.5))
        # Leaving the block closes the connection, which requeues the unacknowledged events.

    found: list[str] = []
    with broker.subscribe("email", prefetch=len(messages)) as subscription:

        def take_all() -> bool:
            for delivery in subscription.receive(len(messages), 0.2):
                found.append(delivery.message.id)
                delivery.ack()
            return len(found) == len(messages)

        eventually(take_all)
    time.sleep(0.2)
    assert sorted(found) == sorted(message.id for message in messages)
    depth = broker.depth("email")
    assert (depth.ready, depth.retrying, depth.dead) == (0, 0, 0)
