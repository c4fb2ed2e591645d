"""What the relay takes from the environment."""

from shared.settings import BrokerUrl, DatabaseUrl, Ladder, Names, Port, ServiceSettings
from shared.transport import LADDER
from shop.consumers import CONSUMERS


class RelaySettings(ServiceSettings):
    port: Port = 8010
    database_url: DatabaseUrl
    broker_url: BrokerUrl
    retry_ladder: Ladder = LADDER
    #: Whose queues have to exist before anything is published.
    consumers: Names = CONSUMERS
