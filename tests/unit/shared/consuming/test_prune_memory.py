"""Records are kept for at least as long as the broker's events."""

import pytest

from shared.consuming.prune import expect_longer_retention
from shared.settings import PruneConsumerSettings
from shared.transport import kept_days

KAFKA = "kafka://127.0.0.1:9092"


def settings(url: str, days: int) -> PruneConsumerSettings:
    return PruneConsumerSettings(database_url="sqlite:///email.db", broker_url=url, keep_days=days)


@pytest.mark.parametrize(
    ("url", "days"),
    [
        ("sqlite:///broker.db", 7.0),
        ("amqp://127.0.0.1/", 7.0),
        (KAFKA, 8.0),
        (f"{KAFKA}/shop?retention_days=56", 64.0),
    ],
)
def test_kafka_keeps_an_event_for_its_retention_plus_one_segment(url: str, days: float) -> None:
    assert kept_days(url) == pytest.approx(days)


@pytest.mark.parametrize(
    ("url", "days"), [("amqp://127.0.0.1/", 8), (KAFKA, 8), (f"{KAFKA}?retention_days=56", 64)]
)
def test_keeping_records_as_long_as_the_broker_is_accepted(url: str, days: int) -> None:
    expect_longer_retention(settings(url, days))


@pytest.mark.parametrize(("retention", "days"), [("60", 30), ("56", 63), ("7.1", 8)])
def test_keeping_records_for_less_is_refused_with_the_minimum(retention: str, days: int) -> None:
    needed = {"60": 69, "56": 64, "7.1": 9}[retention]
    with pytest.raises(SystemExit, match=f"KEEP_DAYS is {days}: set it to {needed} or more"):
        expect_longer_retention(settings(f"{KAFKA}?retention_days={retention}", days))
