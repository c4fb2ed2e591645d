"""The document of the order service, as schemathesis takes it to hold the service against it."""

import json
from decimal import Decimal
from functools import cache
from typing import Any

import schemathesis
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema

from services.order.openapi.document import document
from shared.http.app import to_json

TOKEN = "a-token-for-operators"


class Door:
    """A WSGI application: hands each request to the one service that is up at the moment.

    schemathesis has to have an application before a test, and so a service, is there.
    """

    def __init__(self) -> None:
        self.app: Flask | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)


def schema(*, examples: int, app: Door | None = None) -> BaseSchema:
    """The document of the order service, as `schema_of` takes it."""
    return schema_of(as_sent(), examples=examples, app=app)


def schema_of(
    document: dict[str, Any], *, examples: int, app: Door | Flask | None = None
) -> BaseSchema:
    """A document, closed, for so many made-up requests a route, the same in every run."""
    known = {"operator": {"bearer": TOKEN}, "session": {"api_key": session()}}
    auth = {name: known[name] for name in document["components"].get("securitySchemes", {})}
    settings = {
        "seed": 4,
        "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
        **({"auth": {"openapi": auth}} if auth else {}),
    }
    config = SchemathesisConfig.from_dict(settings)
    loaded = schemathesis.openapi.from_dict(closed(document), config=config)
    loaded.app = app
    return loaded


@cache
def session() -> str:
    """The dashboard's cookie, of a browser that has said the token."""
    app = Flask(__name__)
    app.secret_key = TOKEN
    signed = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signed is not None
    return str(signed.dumps({"operator": True, "_permanent": True}))


def as_sent() -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(to_json(document()))
    return sent


def closed(part: Any) -> Any:
    """The same, but an answer with a field that the document does not show is wrong.

    Clients are told that fields may be added; here each one has to be documented.
    """
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    inner = {name: closed(value) for name, value in part.items()}
    if inner.get("type") == "object" and "properties" in inner:
        return {"additionalProperties": False, **inner}
    return inner


def make_consistent(case: Case) -> None:
    """What no schema can say: that the total is the sum, and how a number is to be written."""
    body: Any = case.body
    is_order = isinstance(body, dict) and "items" in body
    if case.meta and case.meta.generation.mode.is_positive and is_order:
        for item in body["items"]:
            # Beyond, a float has no cents any more.
            item["price"] = round(min(item["price"], 1_000_000), 2)
            item["quantity"] = int(item["quantity"])
        if "totalAmount" in body:
            costs = (Decimal(str(item["price"])) * item["quantity"] for item in body["items"])
            body["totalAmount"] = float(sum(costs))
