"""Settings of the order service, read from the environment."""

from typing import Annotated

from pydantic import Field

from services.order.modes import Mode
from shared.settings import Addresses, DatabaseUrl, Patience, Port, ServiceSettings

#: The default addresses of the consumers.
CONSUMER_URLS = {
    "email": "http://127.0.0.1:8001",
    "sms": "http://127.0.0.1:8002",
    "inventory": "http://127.0.0.1:8003",
    "analytics": "http://127.0.0.1:8004",
}


class OrderSettings(ServiceSettings):
    """No BROKER_URL: orders are accepted whether or not a broker is available."""

    port: Port = 8000
    database_url: DatabaseUrl
    workers: Annotated[int, Field(ge=1, le=64, description="a number of processes, 1 to 64")] = 2
    threads: Annotated[
        int, Field(ge=1, le=64, description="a number of threads in each process, 1 to 64")
    ] = 32
    outbox_limit: Annotated[
        int,
        Field(ge=1, description="how many events may wait to be published, 1 or more"),
    ] = 100_000
    #: Asked for the journey of an order, and called in the modes sync and parallel.
    consumer_urls: Addresses = CONSUMER_URLS
    order_mode: Annotated[Mode, Field(description=f"one of {', '.join(Mode)}")] = Mode.ASYNC
    call_timeout: Patience = 10.0
