"""The AsyncAPI documents are valid, and match the declared topology and the published messages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from shared.transport import LADDER, Failure, Message, names
from shared.transport.kafka.assigned_partitions import Origin
from shared.transport.kafka.wire import encode, headers_of, origin_headers
from shared.transport.rabbitmq.topology import REFUSING, all_queues
from shared.transport.rabbitmq.wire import properties
from tests.builders import a_message
from tests.contracts import asyncapi
from tools.contracts.asyncapi.kafka import LAYOUT
from tools.contracts.asyncapi.parts import services

BROKERS = ["rabbitmq", "kafka", "embedded"]
#: The schema published by the AsyncAPI initiative: see tests/asyncapi/README.md.
OFFICIAL = json.loads(Path("tests/asyncapi/3.0.0.json").read_bytes())
WHY = {"x-reason": "no such user", "x-dead-lettered-at": "2026-03-04T05:06:07+00:00"}


def failed(message: Message) -> Message:
    return message.failed(Failure.now("it did not work"))


def check_headers(broker: str, stage: str, headers: Mapping[str, Any] | None) -> None:
    """Assert that the headers are valid, and each one is described."""
    schema = asyncapi(broker)["components"]["messages"][stage]["headers"]
    closed = {**schema, "additionalProperties": False}
    Draft202012Validator(closed, format_checker=FormatChecker()).validate(headers)


def texts(headers: list[tuple[str, str | bytes | None]]) -> dict[str, str]:
    return {name: value.decode() for name, value in headers if isinstance(value, bytes)}


@pytest.mark.parametrize("broker", BROKERS)
def test_the_documents_are_valid_asyncapi(broker: str) -> None:
    errors = [error.message for error in Draft7Validator(OFFICIAL).iter_errors(asyncapi(broker))]
    assert errors == []


@pytest.mark.parametrize("broker", BROKERS)
def test_every_reference_can_be_resolved(broker: str) -> None:
    document = asyncapi(broker)
    found = list(_references(document))
    assert found
    for reference in found:
        file, _, pointer = reference.partition("#")
        part: Any = (
            json.loads(Path("docs/contracts/asyncapi", file).read_bytes()) if file else document
        )
        for step in pointer.split("/")[1:]:
            part = part[step]


def _references(part: Any) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for value in part:
            yield from _references(value)


@pytest.mark.parametrize("broker", BROKERS)
def test_every_consumer_has_its_channels(broker: str) -> None:
    enums = [
        channel["parameters"]["service"]["enum"]
        for channel in asyncapi(broker)["channels"].values()
        if "parameters" in channel
    ]
    assert enums
    assert all(enum == services() for enum in enums)
    assert services() == ["analytics", "email", "inventory", "shipping", "sms"]


def test_rabbitmq_has_these_queues_with_these_arguments() -> None:
    described = {
        channel["address"].replace("{service}", "email"): channel["bindings"]["amqp"]["x-arguments"]
        for channel in asyncapi("rabbitmq")["channels"].values()
        if channel["bindings"]["amqp"]["is"] == "queue"
    }
    # Nothing is published to the queue that refuses everything.
    named = [queue for queue in all_queues(["email"], LADDER) if queue is not REFUSING]
    declared = {queue.name: queue.arguments for queue in named}
    assert json.dumps(described).replace("{service}", "email") == json.dumps(declared)


def test_kafka_has_these_topics() -> None:
    described = {
        channel["address"].replace("{service}", "email")
        for channel in asyncapi("kafka")["channels"].values()
    }
    assert described == {topic.name for topic in LAYOUT.topics(["email"])}


def test_the_embedded_broker_has_this_queue() -> None:
    [channel] = asyncapi("embedded")["channels"].values()
    assert channel["address"].replace("{service}", "email") == names.work_queue("email")


def test_headers_on_rabbitmq_are_described() -> None:
    message = a_message()
    check_headers("rabbitmq", "orderPlaced", properties(message).headers)
    check_headers("rabbitmq", "orderRetried", properties(failed(message)).headers)
    check_headers("rabbitmq", "orderDead", properties(failed(message), WHY).headers)


def test_headers_on_kafka_are_described() -> None:
    message, origin = a_message(), origin_headers(Origin("order-events", 2, 17))
    check_headers("kafka", "orderPlaced", texts(headers_of(message)))
    check_headers("kafka", "orderRetried", texts(headers_of(failed(message)) + origin))
    every = headers_of(failed(message)) + origin + encode(WHY)
    check_headers("kafka", "orderDead", texts(every))
