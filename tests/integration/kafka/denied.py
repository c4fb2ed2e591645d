"""What Kafka answers to a bare client of some user: the code of its refusal, or None."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from shared.transport.kafka.address import address
from tests.integration.kafka.compose_users import as_user

WAIT = 15.0
DENIED = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)

Properties = dict[str, str | int | float | bool]


def properties(url: str, user: str) -> Properties:
    client = address(url, ()).client
    return {"bootstrap.servers": client["bootstrap.servers"], "log_level": 0, **as_user(user)}


def write(client: Properties, topic: str) -> int | None:
    errors: list[KafkaError | None] = []
    producer = Producer(client)
    producer.produce(topic, b"{}", on_delivery=lambda error, _: errors.append(error))
    producer.flush(WAIT)
    [error] = errors
    return None if error is None else error.code()


def begin_transaction(client: Properties, id: str) -> int | None:
    producer = Producer({**client, "transactional.id": id})
    return _asked(lambda: producer.init_transactions(WAIT))


def read(client: Properties, topic: str) -> int | None:
    """Read from its beginning, as a member of no group."""
    error = AdminClient(client).list_topics(topic, timeout=WAIT).topics[topic].error
    if error is not None:
        return error.code()
    consumer = Consumer({**client, "group.id": "nobody", "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        code: int | None = KafkaError.GROUP_AUTHORIZATION_FAILED
        while code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            # Beside the answer about the topic, there is one about the group.
            code = _received(consumer)
        return None if code == KafkaError._PARTITION_EOF else code
    finally:
        consumer.close()


def join(client: Properties, topic: str, group: str) -> int | None:
    consumer = Consumer({**client, "group.id": group})
    try:
        consumer.subscribe([topic])
        return _received(consumer)
    finally:
        consumer.close()


def create_topic(client: Properties, name: str) -> int | None:
    admin = AdminClient(client)
    created = admin.create_topics([NewTopic(name, 1, 1)])
    return _asked(lambda: created[name].result(WAIT))


def delete_topic(client: Properties, name: str) -> int | None:
    admin = AdminClient(client)
    deleted = admin.delete_topics([name])
    return _asked(lambda: deleted[name].result(WAIT))


def _received(consumer: Consumer) -> int | None:
    received = consumer.poll(WAIT)
    assert received is not None, "neither a record nor a refusal"
    error = received.error()
    return None if error is None else error.code()


def _asked(ask: Callable[[], object]) -> int | None:
    try:
        ask()
    except KafkaException as error:
        code: int = error.args[0].code()
        return code
    return None
