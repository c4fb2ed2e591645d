"""`python -m shared.topology`: declare the queues of all consumers, before any service starts.

Services and the relay only check that the queues exist. A queue that does not exist yet when an
order is published does not get that order.
"""

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.observability import configure_logging
from shared.settings import BrokerUrl, Ladder, Names, main
from shared.transport import LADDER, connect
from shop.consumers import CONSUMERS


class TopologySettings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True)

    broker_url: BrokerUrl
    consumers: Names = CONSUMERS
    retry_ladder: Ladder = LADDER


def run(settings: TopologySettings) -> None:
    configure_logging("topology")
    connect(settings.broker_url, settings.retry_ladder).declare(settings.consumers)
    structlog.get_logger().info("topology.declared", consumers=list(settings.consumers))


if __name__ == "__main__":
    main(TopologySettings, run)
