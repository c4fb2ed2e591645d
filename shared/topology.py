"""`python -m shared.topology`: declare the queues of all consumers, before any service starts.

Services and the relay only check that the queues exist. A queue that does not exist yet when an
order is published does not get that order.
"""

from collections.abc import Sequence
from typing import Annotated

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import SettingsError
from shared.observability import configure_logging
from shared.settings import BrokerUrl, Ladder, Names, main
from shared.transport import LADDER, Broker, connect
from shop.consumers import CONSUMERS

log = structlog.get_logger()


class TopologySettings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True)

    broker_url: BrokerUrl
    consumers: Names = CONSUMERS
    retry_ladder: Ladder = LADDER
    #: Only Kafka is asked for this; RabbitMQ reads permissions at its start.
    grant_permissions: Annotated[bool, Field(description="true or false")] = False


def _grant(broker: Broker, services: Sequence[str]) -> None:
    # Not imported for the other brokers.
    from shared.transport.kafka.broker import Kafka

    if not isinstance(broker, Kafka):
        raise SettingsError("GRANT_PERMISSIONS is true, but BROKER_URL is not kafka://…")
    broker.grant(services)
    log.info("topology.granted", users=list(services))


def run(settings: TopologySettings) -> None:
    configure_logging("topology")
    broker = connect(settings.broker_url, settings.retry_ladder)
    if settings.grant_permissions:
        _grant(broker, settings.consumers)
    broker.declare(settings.consumers)
    log.info("topology.declared", consumers=list(settings.consumers))


if __name__ == "__main__":
    main(TopologySettings, run)
