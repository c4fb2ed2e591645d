"""The tests' private servers are durable, and leave nothing behind."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import psycopg
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from orderctl.stack.ports import free_port
from tools.servers import KafkaServer, PostgresServer, RabbitMQServer, ServerFailed
from tools.servers.process import ServerProcess

ROOT = Path(__file__).parents[2]

KILLED_WITH_A_SERVER = """\
import os, signal, sys
from pathlib import Path
from tests.integration.test_servers import answers
from tools.servers.process import ServerProcess
log, port = sys.argv[1:]
server = ServerProcess([sys.executable, "-m", "http.server", port], log=Path(log))
server.wait_until(lambda: answers(int(port)))
print("it serves", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def publish(url: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=2))


def fetch(url: str) -> bytes | None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return connection.channel().basic_get("kept", auto_ack=True)[2]


def test_rabbitmq_keeps_a_confirmed_message_after_a_crash(
    rabbitmq: RabbitMQServer, amqp_url: str
) -> None:
    publish(amqp_url, b"an order")
    rabbitmq.kill()
    with pytest.raises(AMQPConnectionError):
        fetch(amqp_url)
    rabbitmq.start()
    assert fetch(amqp_url) == b"an order"


def test_rabbitmq_keeps_a_confirmed_message_after_a_restart(
    rabbitmq: RabbitMQServer, amqp_url: str
) -> None:
    publish(amqp_url, b"an order")
    rabbitmq.restart()
    assert fetch(amqp_url) == b"an order"


def test_a_virtual_host_shares_no_queue_with_another(
    rabbitmq: RabbitMQServer, amqp_url: str
) -> None:
    publish(amqp_url, b"for one test only")
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        fetch(rabbitmq.create_vhost("another"))
    rabbitmq.delete_vhost("another")


@pytest.mark.parametrize("end", [KafkaServer.kill, KafkaServer.stop])
def test_kafka_keeps_a_confirmed_record(
    end: Callable[[KafkaServer], None], kafka: KafkaServer, unique_names: Iterator[str]
) -> None:
    topic = next(unique_names)
    client: dict[str, str | int | float | bool] = {
        "bootstrap.servers": f"127.0.0.1:{kafka.port}",
        "log_level": 0,
    }
    admin = AdminClient(client)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
    producer = Producer({**client, "acks": "all"})
    producer.produce(topic, b"an order")
    assert producer.flush(10) == 0
    end(kafka)
    assert not answers(kafka.port)
    kafka.start()
    reader = Consumer({**client, "group.id": "a-reader", "auto.offset.reset": "earliest"})
    reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    (record,) = reader.consume(1, 20)
    assert (record.error(), record.value()) == (None, b"an order")
    reader.close()


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop])
def test_postgres_keeps_committed_rows_after_a_crash(
    end: Callable[[PostgresServer], None], postgres: PostgresServer, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    idle = psycopg.connect(postgres_url)
    end(postgres)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    idle.close()
    postgres.start()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_a_server_that_does_not_start_is_reported_with_its_log(tmp_path: Path) -> None:
    process = ServerProcess(["sh", "-c", "echo no room left; exit 3"], log=tmp_path / "log")
    with pytest.raises(ServerFailed, match="ended with 3\nno room left"):
        process.wait_until(lambda: False)
    process.end(signal.SIGKILL)


def test_a_server_does_not_outlive_tests_that_were_killed(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", KILLED_WITH_A_SERVER, str(tmp_path / "log"), str(port)]
    killed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "it serves\n")
    deadline = time.monotonic() + 10
    while answers(port):
        assert time.monotonic() < deadline, "the server was left running"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
