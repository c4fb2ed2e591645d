"""The HTTP application of every process, without its server and background threads."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData
from werkzeug.wsgi import FileWrapper

from services.analytics.__main__ import compose as compose_analytics
from services.analytics.schema import metadata as analytics_tables
from services.analytics.settings import AnalyticsSettings
from services.dashboard.app import compose as compose_dashboard
from services.dashboard.lanes import LANES
from services.dashboard.settings import DashboardSettings
from services.email.__main__ import compose as compose_email
from services.email.schema import metadata as email_tables
from services.email.settings import EmailSettings
from services.inventory.__main__ import compose as compose_inventory
from services.inventory.migrate import stock_up
from services.inventory.schema import metadata as inventory_tables
from services.inventory.settings import InventorySettings
from services.order.relay.__main__ import compose as compose_relay
from services.order.relay.settings import RelaySettings
from services.order.schema import metadata as order_tables
from services.shipping.__main__ import compose as compose_shipping
from services.shipping.schema import metadata as shipping_tables
from services.shipping.settings import ShippingSettings
from services.sms.__main__ import compose as compose_sms
from services.sms.schema import metadata as sms_tables
from services.sms.settings import SmsSettings
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.events import Event
from shared.serving.server import Process
from shared.settings import ConsumerSettings
from shared.transport import connect
from simulators.mail_sink.mailbox import Mailbox
from simulators.mail_sink.schema import metadata as mail_tables
from simulators.mail_sink.views import create_sink
from simulators.sms_gateway.schema import metadata as gateway_tables
from simulators.sms_gateway.views import create_gateway
from tests.builders import a_message
from tests.documented import TOKEN
from tests.documented_service import DocumentedService
from tests.tables import content
from tests.waiting import eventually


@dataclass(frozen=True)
class HttpSide:
    app: Flask
    engine: Engine
    tables: MetaData
    #: The broker's content, if the process has a broker.
    at_the_broker: Callable[[], object] = lambda: None
    #: Ends the work that a request has started, so that the next one finds the initial state.
    reset: Callable[[], object] = lambda: None

    def content(self) -> tuple[dict[str, list[Any]], object]:
        # Wait for a replay: its writes belong to the request that started it.
        eventually(lambda: not self._replays())
        return content(self.engine, self.tables), self.at_the_broker()

    def _replays(self) -> bool:
        rows = content(self.engine, self.tables).get("replays", [])
        return any("running" in row for row in rows)


def _order(url: str, _folder: Path) -> HttpSide:
    service = DocumentedService(url)
    return HttpSide(service.app, service.engine, order_tables)


def _relay(url: str, folder: Path) -> HttpSide:
    engine = _made(url, order_tables)
    settings = RelaySettings(database_url=url, broker_url=f"sqlite:///{folder}/broker.db")
    return HttpSide(compose_relay(settings).app, engine, order_tables)


def email_side(
    url: str, folder: Path, *, send: Callable[[Event], None] = lambda _event: None, **more: Any
) -> HttpSide:
    """`more` overrides settings."""
    engine, settings = _made(url, email_tables), EmailSettings(**_around(url, folder, **more))
    process = compose_email(settings, send=send)
    return _consumer("email", process, settings, HttpSide(process.app, engine, email_tables))


def _sms(url: str, folder: Path) -> HttpSide:
    engine, settings = _made(url, sms_tables), SmsSettings(**_around(url, folder))
    process = compose_sms(settings, send=lambda _event: None)
    return _consumer("sms", process, settings, HttpSide(process.app, engine, sms_tables))


def _inventory(url: str, folder: Path) -> HttpSide:
    engine, settings = _made(url, inventory_tables), InventorySettings(**_around(url, folder))
    stock_up(engine)
    process = compose_inventory(settings)
    return _consumer(
        "inventory", process, settings, HttpSide(process.app, engine, inventory_tables)
    )


def _analytics(url: str, folder: Path) -> HttpSide:
    engine, settings = _made(url, analytics_tables), AnalyticsSettings(**_around(url, folder))
    process = compose_analytics(settings)
    return _consumer(
        "analytics", process, settings, HttpSide(process.app, engine, analytics_tables)
    )


def _shipping(url: str, folder: Path) -> HttpSide:
    engine, settings = _made(url, shipping_tables), ShippingSettings(**_around(url, folder))
    process = compose_shipping(settings)
    return _consumer("shipping", process, settings, HttpSide(process.app, engine, shipping_tables))


def _mail_sink(url: str, _folder: Path) -> HttpSide:
    engine = _made(url, mail_tables)
    mailbox = Mailbox(engine)
    mailbox.add("a@example.com", ["b@example.com"], b"Subject: Hello\r\n\r\nHello")
    return HttpSide(create_sink(mailbox, lambda: None), engine, mail_tables)


def _sms_gateway(url: str, _folder: Path) -> HttpSide:
    engine = _made(url, gateway_tables)
    app = create_gateway(engine, rng=Random(4), sleep=lambda _seconds: None)
    behave_well = partial(app.test_client().delete, "/behaviour")
    return HttpSide(app, engine, gateway_tables, reset=behave_well)


def _dashboard(_url: str, folder: Path) -> HttpSide:
    """The dashboard, in front of the order service, email, and the simulators behind them."""
    database = f"sqlite:///{folder}/{{}}.db".format
    email = email_side(database("email"), folder, faults_allowed=True)
    apps = {
        "order": DocumentedService(database("order")).app,
        "email": email.app,
        "mail": _mail_sink(database("mail"), folder).app,
        "gateway": _sms_gateway(database("gateway"), folder).app,
    }
    settings = DashboardSettings(
        operator_token=SecretStr(TOKEN),
        order_url="http://order",
        consumer_urls={"email": "http://email"},
        mail_url="http://mail",
        sms_gateway_url="http://gateway",
    )
    process = compose_dashboard(settings, lambda _timeout: httpx.Client(transport=_Apps(apps)))
    assert process.background is not None
    process.app.extensions["neighbours"] = apps
    # Its streams end at once, after their first events.
    process.background.stop()
    process.app.wsgi_app = from_its_page(process.app.wsgi_app)  # type: ignore[method-assign]

    def reset() -> None:
        for lane in LANES:
            process.app.test_client().delete(f"/api/lanes/{lane}/run")
        eventually(lambda: not any(thread.name == "run" for thread in threading.enumerate()))
        email.app.test_client().delete("/faults", headers={"Authorization": f"Bearer {TOKEN}"})

    return HttpSide(process.app, email.engine, email.tables, reset=reset)


class _Apps(httpx.BaseTransport):
    """Routes a request to the application with its host name; other hosts are unreachable."""

    def __init__(self, apps: Mapping[str, Flask]) -> None:
        self._apps = apps

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host not in self._apps:
            raise httpx.ConnectError("nobody is there")
        return httpx.WSGITransport(self._apps[request.url.host]).handle_request(request)


def from_its_page(app: Callable[..., Any]) -> Callable[..., Any]:
    """Add the Origin and Host headers of the page, as a browser does, unless they are set.

    Files of the page are read at once, since not every test client closes its response.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        environ.setdefault("HTTP_ORIGIN", "http://localhost")
        answered = app(environ, start_response)
        if not isinstance(answered, FileWrapper):
            return answered
        with closing(answered):
            return list(answered)

    return answer


SIDES: dict[str, Callable[[str, Path], HttpSide]] = {
    "order": _order,
    "relay": _relay,
    "email": email_side,
    "sms": _sms,
    "inventory": _inventory,
    "analytics": _analytics,
    "shipping": _shipping,
    "dashboard": _dashboard,
    "mail_sink": _mail_sink,
    "sms_gateway": _sms_gateway,
}


def _made(url: str, tables: MetaData) -> Engine:
    engine = open_database(url)
    create_schema(engine, tables)
    return engine


def _around(url: str, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "database_url": url,
        "broker_url": f"sqlite:///{folder}/broker.db",
        "operator_token": SecretStr(TOKEN),
        "work_time": 0,
        **more,
    }


def _consumer(name: str, process: Process, settings: ConsumerSettings, side: HttpSide) -> HttpSide:
    """A consumer with one applied event and one dead letter."""
    broker = connect(settings.broker_url)
    broker.declare([name])
    with broker.publisher() as publisher, broker.subscribe(name, prefetch=1) as subscription:
        publisher.publish([a_message()])
        [delivery] = subscription.receive(1, 5)
        delivery.dead_letter("a test wants it there")
    message = a_message()
    headers = {"ce-id": message.id, "ce-type": message.type, "ce-time": message.time}
    answer = process.app.test_client().post("/events", data=message.body, headers=headers)
    assert answer.status_code == 200
    return HttpSide(side.app, side.engine, side.tables, lambda: broker.depth(name))
