"""What the dashboard takes from the environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from shared.settings import Addresses, HttpUrl, Ladder, Port, ServiceSettings
from shared.transport import LADDER

CONSUMER_URLS = {
    "email": "http://127.0.0.1:8001",
    "sms": "http://127.0.0.1:8002",
    "inventory": "http://127.0.0.1:8003",
    "analytics": "http://127.0.0.1:8004",
}


class DashboardSettings(ServiceSettings):
    """There is neither a BROKER_URL nor a DATABASE_URL: it knows what the services tell it."""

    port: Port = 8080
    #: Needed here: it asks for what is for operators, and lets operators act.
    operator_token: Annotated[
        SecretStr,
        Field(min_length=16, max_length=256, description="the secret that the services know"),
    ]
    order_url: HttpUrl = "http://127.0.0.1:8000"
    relay_url: HttpUrl = "http://127.0.0.1:8010"
    consumer_urls: Addresses = CONSUMER_URLS
    #: Who may join later: drawn once it has answered, and not looked for by the light, since
    #: nobody knows from which order on it should have done all of them.
    latecomer_urls: Addresses = Field(default_factory=dict)
    mail_url: HttpUrl = "http://127.0.0.1:8025"
    sms_gateway_url: HttpUrl = "http://127.0.0.1:8026"
    retry_ladder: Ladder = LADDER
    allowed_hosts: Annotated[
        str, Field(description="names by which browsers reach it, separated by commas")
    ] = "127.0.0.1,localhost,[::1]"
