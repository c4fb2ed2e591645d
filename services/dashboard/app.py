"""Composes the dashboard: the watched services, what polls them, and the HTTP side."""

from collections.abc import Callable
from random import Random

import httpx
from flask import Blueprint, Response

from services.dashboard.guard import guard_against_other_sites, keep_sessions, session_views
from services.dashboard.hub import Hub
from services.dashboard.journeys import FarEnds
from services.dashboard.lanes import LANES, Lane
from services.dashboard.page import page_views, protect
from services.dashboard.poller import Poller
from services.dashboard.settings import DashboardSettings
from services.dashboard.system_state import SystemState
from services.dashboard.views import lane_views, order_views, service_views, stream_views
from services.dashboard.watched_service import (
    PATIENCE_SECONDS,
    NoAnswer,
    WatchedService,
    open_client,
)
from shared.errors import DocumentError
from shared.http.app import create_app, json_response, problem
from shared.serving.server import Process

#: Longer than the order service takes for an order that calls four services, each slow.
CUSTOMERS_WAIT = 90.0
#: A replay or a redrive of thousands takes its time.
OPERATORS_WAIT = 30.0


def compose(
    settings: DashboardSettings, open_client: Callable[[float], httpx.Client] = open_client
) -> Process:
    token = settings.operator_token
    quick, patient = open_client(PATIENCE_SECONDS), open_client(OPERATORS_WAIT)
    latecomer_urls = {
        name: url
        for name, url in settings.latecomer_urls.items()
        if name not in settings.consumer_urls
    }
    consumers = [WatchedService(*each, token, quick) for each in settings.consumer_urls.items()]
    latecomers = [WatchedService(*each, token, quick) for each in latecomer_urls.items()]
    order = WatchedService("order", settings.order_url, token, quick)
    relay = WatchedService("order-relay", settings.relay_url, token, quick)
    shop = WatchedService("order", settings.order_url, token, open_client(CUSTOMERS_WAIT))
    lanes = {name: Lane(shop, Random()) for name in LANES}
    hub = Hub()
    system_state = SystemState(
        order, relay, consumers, lanes, settings.retry_ladder, latecomers=latecomers
    )
    poller = Poller(system_state, hub)

    app = create_app()
    app.register_error_handler(NoAnswer, _no_answer)
    app.register_error_handler(DocumentError, _not_understood)
    guard_against_other_sites(app, settings.allowed_hosts.split(","))
    keep_sessions(app, token)
    protect(app)
    far_ends = FarEnds(
        WatchedService("mail server", settings.mail_url, token, patient),
        WatchedService("SMS gateway", settings.sms_gateway_url, token, patient),
    )
    addresses = {"order": settings.order_url, **settings.consumer_urls, **latecomer_urls}
    operated = {name: WatchedService(name, url, token, patient) for name, url in addresses.items()}
    for views in (
        page_views(),
        session_views(token),
        stream_views(hub),
        order_views(WatchedService("order", settings.order_url, token, patient), far_ends),
        lane_views(lanes),
        *service_views(operated),
        _health(poller),
    ):
        app.register_blueprint(views)
    return Process(app, poller)


def _health(poller: Poller) -> Blueprint:
    views = Blueprint("health", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        """It is there to show what is away, and so does not itself wait for any of that."""
        reason = poller.why_not_ready()
        return json_response({"ready": reason is None, "reason": reason}, 503 if reason else 200)

    return views


def _no_answer(error: NoAnswer) -> Response:
    return problem(502, "No answer", str(error))


def _not_understood(error: DocumentError) -> Response:
    return problem(400, "The body is not what is needed here", str(error))
