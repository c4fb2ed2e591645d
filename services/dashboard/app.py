"""Composes the dashboard: the watched services, the poller, and the HTTP side."""

from collections.abc import Callable
from random import Random

import httpx
from flask import Blueprint, Response

from services.dashboard.guard import guard_against_other_sites, keep_sessions, session_views
from services.dashboard.hub import Hub
from services.dashboard.journeys import DownstreamSystems
from services.dashboard.lanes import LANES, Lane
from services.dashboard.page import page_views, protect
from services.dashboard.poller import Poller
from services.dashboard.settings import DashboardSettings
from services.dashboard.system_state import SystemState
from services.dashboard.views import lane_views, order_views, service_views, stream_views
from services.dashboard.watched_service import (
    TIMEOUT_SECONDS,
    NoResponse,
    WatchedService,
    open_client,
)
from shared.errors import DocumentError
from shared.http.app import create_app, json_response, problem
from shared.serving.server import Process

#: Seconds. Longer than a synchronous order that calls four slow services.
CUSTOMER_TIMEOUT = 90.0
#: Seconds. A redrive of thousands of messages takes a while.
OPERATOR_TIMEOUT = 30.0


def compose(
    settings: DashboardSettings, open_client: Callable[[float], httpx.Client] = open_client
) -> Process:
    token = settings.operator_token
    quick, patient = open_client(TIMEOUT_SECONDS), open_client(OPERATOR_TIMEOUT)
    latecomer_urls = {
        name: url
        for name, url in settings.latecomer_urls.items()
        if name not in settings.consumer_urls
    }
    consumers = [WatchedService(*each, token, quick) for each in settings.consumer_urls.items()]
    latecomers = [WatchedService(*each, token, quick) for each in latecomer_urls.items()]
    order = WatchedService("order", settings.order_url, token, quick)
    relay = WatchedService("order-relay", settings.relay_url, token, quick)
    shop = WatchedService("order", settings.order_url, token, open_client(CUSTOMER_TIMEOUT))
    lanes = {name: Lane(shop, Random()) for name in LANES}
    hub = Hub()
    system_state = SystemState(
        order, relay, consumers, lanes, settings.retry_ladder, latecomers=latecomers
    )
    poller = Poller(system_state, hub)

    app = create_app()
    app.register_error_handler(NoResponse, _no_response)
    app.register_error_handler(DocumentError, _invalid_body)
    guard_against_other_sites(app, settings.allowed_hosts.split(","))
    keep_sessions(app, token)
    protect(app)
    downstream = DownstreamSystems(
        WatchedService("mail server", settings.mail_url, token, patient),
        WatchedService("SMS gateway", settings.sms_gateway_url, token, patient),
    )
    addresses = {"order": settings.order_url, **settings.consumer_urls, **latecomer_urls}
    operated = {name: WatchedService(name, url, token, patient) for name, url in addresses.items()}
    for views in (
        page_views(),
        session_views(token),
        stream_views(hub),
        order_views(WatchedService("order", settings.order_url, token, patient), downstream),
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
        """Does not depend on the services: the page must be available while they are down."""
        reason = poller.why_not_ready()
        return json_response({"ready": reason is None, "reason": reason}, 503 if reason else 200)

    return views


def _no_response(error: NoResponse) -> Response:
    return problem(502, "No response", str(error))


def _invalid_body(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))
