"""What each Kafka user may do, where Kafka denies what is not allowed. Data, no connection.

The user of a consumer has the name of its service. Source for what each request needs: Kafka's
documentation, "Operations and Resources on Protocols".
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from shared.transport.kafka.topics import Layout

RELAY = "order-relay"
OPERATOR = "orderctl"

_TOPIC, _GROUP = ResourceType.TOPIC, ResourceType.GROUP
_EXACT, _PREFIX = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
_READ, _WRITE = AclOperation.READ, AclOperation.WRITE
#: Reading and writing include it.
_SEE = AclOperation.DESCRIBE
_COMPARE = AclOperation.DESCRIBE_CONFIGS


class Permission(NamedTuple):
    user: str
    resource: ResourceType
    name: str
    pattern: ResourcePatternType
    operation: AclOperation


def permissions(layout: Layout, services: Sequence[str]) -> list[Permission]:
    """Everything that the relay, these services and the operator need, and nothing else."""
    of_services = [each for service in services for each in _of_service(layout, service)]
    for_operator = [each for service in services for each in _of_operator(layout, service)]
    return [*_common(layout), *of_services, *for_operator]


def _common(layout: Layout) -> Iterator[Permission]:
    events = layout.events()
    yield Permission(RELAY, _TOPIC, events, _EXACT, _WRITE)
    # It publishes nothing before the topics of every service exist.
    yield Permission(RELAY, _TOPIC, events, _PREFIX, _SEE)
    yield Permission(OPERATOR, _TOPIC, events, _EXACT, _WRITE)
    for operation in (_SEE, _COMPARE):
        yield Permission(OPERATOR, _TOPIC, events, _PREFIX, operation)


def _of_service(layout: Layout, service: str) -> Iterator[Permission]:
    yield Permission(service, _TOPIC, layout.events(), _EXACT, _READ)
    yield Permission(service, _GROUP, layout.group(service), _EXACT, _READ)
    # For a replay it asks who coordinates the group, and never joins it.
    yield Permission(service, _GROUP, layout.replays(), _PREFIX, _SEE)
    # Its rungs, also those of an earlier ladder, what is redriven, and its dead letters. Who
    # changes dead letters is a member of a group with the name of their topic.
    for operation in (_READ, _WRITE):
        yield Permission(service, _TOPIC, layout.own(service), _PREFIX, operation)
    yield Permission(service, _GROUP, layout.own(service), _PREFIX, _READ)


def _of_operator(layout: Layout, service: str) -> Iterator[Permission]:
    dead = layout.dead(service)
    for operation in (_READ, _WRITE):
        yield Permission(OPERATOR, _TOPIC, dead, _EXACT, operation)
    yield Permission(OPERATOR, _GROUP, dead, _EXACT, _READ)
    yield Permission(OPERATOR, _TOPIC, layout.redriven(service), _EXACT, _WRITE)
    # How far the service has come.
    yield Permission(OPERATOR, _GROUP, layout.group(service), _EXACT, _SEE)
