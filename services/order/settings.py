"""What the order service takes from the environment."""

from typing import Annotated

from pydantic import Field

from shared.settings import DatabaseUrl, Port, ServiceSettings


class OrderSettings(ServiceSettings):
    """There is no BROKER_URL here: orders are accepted whether or not a broker is there."""

    port: Port = 8000
    database_url: DatabaseUrl
    workers: Annotated[int, Field(ge=1, le=64, description="a number of processes, 1 to 64")] = 2
    threads: Annotated[
        int, Field(ge=1, le=64, description="a number of threads in each process, 1 to 64")
    ] = 8
    outbox_limit: Annotated[
        int, Field(ge=1, description="how many events may wait to be published, 1 or more")
    ] = 100_000
