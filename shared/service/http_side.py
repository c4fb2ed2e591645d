"""The HTTP interface of every consumer service."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from flask import Blueprint, Flask, Response, request
from msgspec import structs
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData, Table

from shared.activity.order_state import state_of_order
from shared.activity.reader import ActivityReader
from shared.activity.shapes import WAITING
from shared.activity.views import activity_views
from shared.consuming.consumer import Consumer
from shared.consuming.history import History
from shared.consuming.inbox import maybe_pruned
from shared.consuming.settle import read
from shared.consuming.tables import Tables
from shared.database.schema import database_problem
from shared.errors import (
    ContractError,
    LeaseHeld,
    OutcomeUnknown,
    PermanentError,
    Refused,
)
from shared.events import is_id
from shared.faults.injection import FaultInjector
from shared.faults.views import fault_views, refuse_in_an_outage
from shared.http.app import create_app, json_response, problem, read_body, to_json
from shared.http.operator_auth import Guard, operators_only
from shared.replay.replayer import Replayer
from shared.replay.views import replay_views
from shared.service.dead_letter_views import dead_letter_views
from shared.transport.http_binding import from_http

#: The effects of a service: for one order, or for all if the order id is None.
ListEffects = Callable[[str | None], Iterator[Mapping[str, Any]]]


def create_consumer_app(
    consumer: Consumer,
    engine: Engine,
    tables: Tables,
    list_effects: ListEffects,
    replayer: Replayer,
    *,
    injector: FaultInjector,
    token: SecretStr | None,
) -> Flask:
    """`token` gives operators access to all effects, current activity, dead letters, replays, and
    the faults of `injector` if these are allowed.
    """
    app = create_app()
    guard = operators_only(token)
    refuse_in_an_outage(app, injector)
    app.register_blueprint(fault_views(injector.faults, guard))
    app.register_blueprint(_health(consumer, engine, tables.inbox.metadata, injector))
    reader = ActivityReader(engine, tables)
    app.register_blueprint(activity_views(reader, consumer, injector, guard))
    app.register_blueprint(_order_state(engine, tables, list_effects, consumer))
    app.register_blueprint(_effects(list_effects, guard))
    app.register_blueprint(_events(consumer, engine, tables.inbox))
    history = History(engine, tables.history)
    app.register_blueprint(dead_letter_views(consumer.dead_letters, history, guard))
    app.register_blueprint(replay_views(consumer.service, replayer, guard))
    return app


def _health(
    consumer: Consumer, engine: Engine, metadata: MetaData, injector: FaultInjector
) -> Blueprint:
    views = Blueprint("health", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        reason = consumer.why_not_ready() or database_problem(engine, metadata) or injector.outage()
        body = {"ready": reason is None, "reason": reason, "unsettled": consumer.unsettled}
        return json_response(body, 200 if reason is None else 503)

    return views


def _order_state(
    engine: Engine, tables: Tables, list_effects: ListEffects, consumer: Consumer
) -> Blueprint:
    views = Blueprint("order_state", __name__)

    @views.get("/orders/<order_id>")
    def of_order(order_id: str) -> Response:
        """The state of the order at this service; `reason` also explains why it is waiting."""
        if not is_id(order_id):
            return problem(404, "Unknown order", "This is not a valid order id.")
        state = state_of_order(engine, tables, order_id, datetime.now(UTC))
        reason = (consumer.why_not_ready() if state.state == WAITING else None) or state.reason
        effects = list(list_effects(order_id))
        return json_response(structs.replace(state, reason=reason, effects=effects))

    return views


def _effects(list_effects: ListEffects, guard: Guard) -> Blueprint:
    views = Blueprint("effects", __name__)
    views.before_request(guard)

    @views.get("/effects")
    def all_of_them() -> Response:
        """Every effect, streamed as one JSON object per line."""
        effects = list_effects(None)
        # Read the first one before the response begins, so that a database outage is a 503.
        first = list(islice(effects, 1))
        lines = (to_json(effect) + b"\n" for effect in chain(first, effects))
        return Response(lines, content_type="application/x-ndjson")

    return views


def _events(consumer: Consumer, engine: Engine, inbox: Table) -> Blueprint:
    views = Blueprint("events", __name__)

    @views.post("/events")
    def receive() -> Response:
        """Apply an event synchronously, with the same effect and inbox (CloudEvents over HTTP)."""
        try:
            event = read(from_http(request.headers.get, read_body()))
            if event and (forgotten := maybe_pruned(engine, inbox, [event])):
                raise PermanentError(forgotten[event.id])
            applied = consumer.effect.apply([event], alone=True) if event else None
        except ContractError as error:
            return problem(400, "Not an event of the contract", str(error))
        except (PermanentError, Refused) as error:
            return problem(422, "The event cannot be processed", str(error))
        except OutcomeUnknown as error:
            return problem(504, "No response arrived; the work may be done", str(error))
        except LeaseHeld as held:
            response = problem(409, "Another process is working on this event", str(held))
            response.headers["Retry-After"] = str(int(held.seconds) + 1)
            return response
        if event is None or applied is None:
            return json_response({"outcome": "ignored"})
        return json_response({"outcome": "applied" if applied.now else "applied_before"})

    return views
