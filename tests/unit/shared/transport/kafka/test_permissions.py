"""Which permissions are granted on Kafka: what the names of topics and groups make of them."""

from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from shared.transport.kafka.address import address
from shared.transport.kafka.permissions import Permission, permissions

LAYOUT = address("kafka://nowhere:9092/shop", (1.0,)).layout


def granted(*services: str) -> set[Permission]:
    return set(permissions(LAYOUT, services))


def reaches(permission: Permission, kind: ResourceType, name: str) -> bool:
    if permission.pattern is ResourcePatternType.PREFIXED:
        return permission.resource is kind and name.startswith(permission.name)
    return permission.resource is kind and name == permission.name


def users_who(operation: AclOperation, kind: ResourceType, name: str) -> set[str]:
    """Of two services, one of which has a name that begins with that of the other."""
    return {
        each.user
        for each in granted("sms", "sms-2")
        if each.operation is operation and reaches(each, kind, name)
    }


def test_only_the_relay_and_the_operator_write_events_and_only_services_read_them() -> None:
    events = LAYOUT.events()
    assert users_who(AclOperation.WRITE, ResourceType.TOPIC, events) == {"order-relay", "orderctl"}
    assert users_who(AclOperation.READ, ResourceType.TOPIC, events) == {"sms", "sms-2"}


def test_a_service_shares_its_dead_letters_with_the_operator_alone() -> None:
    for service in ("sms", "sms-2"):
        dead = LAYOUT.dead(service)
        for operation in (AclOperation.READ, AclOperation.WRITE):
            assert users_who(operation, ResourceType.TOPIC, dead) == {service, "orderctl"}
        assert users_who(AclOperation.READ, ResourceType.GROUP, dead) == {service, "orderctl"}


def test_a_service_shares_its_retries_and_its_group_with_nobody() -> None:
    for service in ("sms", "sms-2"):
        for rung in (1.0, 77.0):
            topic = LAYOUT.retry(service, rung)
            for operation in (AclOperation.READ, AclOperation.WRITE):
                assert users_who(operation, ResourceType.TOPIC, topic) == {service}
        assert users_who(AclOperation.READ, ResourceType.GROUP, LAYOUT.group(service)) == {service}


def test_another_pipeline_on_the_same_cluster_is_out_of_reach() -> None:
    assert all(each.name.startswith("shop.") for each in granted("sms"))


def test_nobody_is_granted_more_than_to_read_write_and_see() -> None:
    allowed = {
        AclOperation.READ,
        AclOperation.WRITE,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
    }
    assert {each.operation for each in granted("sms")} == allowed
    assert {each.resource for each in granted("sms")} == {ResourceType.TOPIC, ResourceType.GROUP}
