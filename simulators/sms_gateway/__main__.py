"""`python -m simulators.sms_gateway`: an SMS provider that can be made to misbehave."""

from random import Random

from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.observability import configure_logging
from shared.serving.server import Process, serve
from shared.settings import main
from simulators.sms_gateway.schema import metadata
from simulators.sms_gateway.settings import SmsGatewaySettings
from simulators.sms_gateway.views import create_gateway

#: A delayed response occupies a thread for up to a minute; /behaviour must still get one.
THREADS = 64


def compose(settings: SmsGatewaySettings, *, rng: Random | None = None) -> Process:
    engine = open_database(settings.database_url)
    create_schema(engine, metadata)
    return Process(create_gateway(engine, rng=rng or Random()))


def run(settings: SmsGatewaySettings) -> None:
    configure_logging("sms-gateway", settings.log_level)
    serve(settings, lambda: compose(settings), threads=THREADS)


if __name__ == "__main__":
    main(SmsGatewaySettings, run)
