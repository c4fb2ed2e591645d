"""Settings of the relay, read from the environment."""

from shared.settings import BrokerUrl, DatabaseUrl, Ladder, Names, Port, ServiceSettings
from shared.transport import LADDER
from shop.consumers import CONSUMERS


class RelaySettings(ServiceSettings):
    port: Port = 8010
    database_url: DatabaseUrl
    broker_url: BrokerUrl
    retry_ladder: Ladder = LADDER
    #: The consumers whose queues must exist before anything is published.
    consumers: Names = CONSUMERS
