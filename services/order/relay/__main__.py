"""`python -m services.order.relay`: publishes the events in the outbox."""

from flask import Blueprint, Response
from sqlalchemy import Engine

from services.order.backlog_watch import BacklogWatch
from services.order.metrics import exposition
from services.order.outbox import Backlog, backlog
from services.order.relay.loop import Relay
from services.order.relay.settings import RelaySettings
from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.schema import database_problem
from shared.errors import DatabaseUnavailable
from shared.http.app import create_app, json_response
from shared.observability import configure_logging
from shared.serving.server import Process, serve
from shared.settings import main
from shared.transport import Broker, connect


def compose(settings: RelaySettings, *, broker: Broker | None = None) -> Process:
    """Tests pass a `broker` whose publisher stops at a certain point or drops an event."""
    engine = open_database(settings.database_url)
    broker = broker or connect(settings.broker_url, settings.retry_ladder)
    relay = Relay(engine, broker, settings.consumers)
    watch = BacklogWatch(lambda: backlog(engine))
    app = create_app(exposition(watch.backlog))
    app.register_blueprint(_health(relay, engine, watch))
    return Process(app, relay)


def _health(relay: Relay, engine: Engine, watch: BacklogWatch) -> Blueprint:
    views = Blueprint("health", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        """A relay on standby is ready too: ready to take over."""
        try:
            state, unavailable = watch.backlog(), None
        except DatabaseUnavailable as error:
            state, unavailable = Backlog(0, None), str(error)
        reason = relay.why_not_ready() or unavailable or database_problem(engine, metadata)
        body = {
            "ready": reason is None,
            "reason": reason,
            "role": "active" if relay.active else "standby",
            "pending": None if unavailable else state.pending,
            "oldestAgeSeconds": state.oldest_age_seconds,
            "setAside": None if unavailable else state.set_aside,
        }
        return json_response(body, 200 if reason is None else 503)

    return views


def run(settings: RelaySettings) -> None:
    configure_logging("order-relay", settings.log_level)
    serve(settings, lambda: compose(settings))


if __name__ == "__main__":
    main(RelaySettings, run)
