"""Admin requests that Kafka cannot answer yet."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from shared.transport.kafka.address import REQUEST_TIMEOUT
from shared.transport.kafka.admin import asked_until_coordinated

NOT_YET = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)


class Group:
    """Responds after refusing with each of these codes. A request takes a second."""

    def __init__(self, *codes: int) -> None:
        self._codes = iter(codes)
        self.now = 0.0
        self.patience: list[float] = []

    def ask(self, seconds: float) -> str:
        self.patience.append(seconds)
        self.now += 1
        for code in self._codes:
            raise KafkaException(KafkaError(code))
        return "its offsets"

    def asked(self) -> str:
        return asked_until_coordinated(self.ask, clock=lambda: self.now, sleep=lambda _: None)


def test_a_request_to_a_group_without_a_coordinator_is_repeated() -> None:
    group = Group(*NOT_YET)

    assert group.asked() == "its offsets"
    assert group.patience == [10.0, 9.0, 8.0, 7.0]


@pytest.mark.parametrize("code", NOT_YET)
def test_repeating_ends_at_the_request_timeout(code: int) -> None:
    group = Group(*[code] * 100)

    with pytest.raises(KafkaException):
        group.asked()
    assert group.now == REQUEST_TIMEOUT


def test_any_other_refusal_is_raised() -> None:
    group = Group(KafkaError.GROUP_AUTHORIZATION_FAILED)

    with pytest.raises(KafkaException):
        group.asked()
    assert group.patience == [10.0]
