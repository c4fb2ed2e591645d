"""Settings of the dashboard, read from the environment."""

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
    """Neither BROKER_URL nor DATABASE_URL: all data comes from the services."""

    port: Port = 8080
    #: Required: the dashboard uses the operators' paths, for polling and for its operators.
    operator_token: Annotated[
        SecretStr,
        Field(min_length=16, max_length=256, description="the operator token of the services"),
    ]
    order_url: HttpUrl = "http://127.0.0.1:8000"
    relay_url: HttpUrl = "http://127.0.0.1:8010"
    consumer_urls: Addresses = CONSUMER_URLS
    #: Services that may join later. Drawn after their first response, and not covered by the
    #: light, since the first order that they should have processed is not known.
    latecomer_urls: Addresses = Field(default_factory=dict)
    mail_url: HttpUrl = "http://127.0.0.1:8025"
    sms_gateway_url: HttpUrl = "http://127.0.0.1:8026"
    retry_ladder: Ladder = LADDER
    allowed_hosts: Annotated[
        str, Field(description="host names for browsers, separated by commas")
    ] = "127.0.0.1,localhost,[::1]"
