"""The order service's OpenAPI document, prepared for schemathesis."""

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
    """A WSGI application that forwards each request to the current `app`.

    schemathesis needs an application before a test has created its service.
    """

    def __init__(self) -> None:
        self.app: Flask | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)


def schema(*, examples: int, app: Door | None = None) -> BaseSchema:
    """The schema of the order service, see `schema_of`."""
    return schema_of(as_sent(), examples=examples, app=app)


def schema_of(
    document: dict[str, Any], *, examples: int, app: Door | Flask | None = None
) -> BaseSchema:
    """A document, closed, for `examples` generated requests per route, the same in every run."""
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
    """The dashboard's cookie of a browser in which the token was entered."""
    app = Flask(__name__)
    app.secret_key = TOKEN
    signed = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signed is not None
    return str(signed.dumps({"operator": True, "_permanent": True}))


def as_sent() -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(to_json(document()))
    return sent


def closed(part: Any) -> Any:
    """The same document, but undocumented fields in a response are errors.

    The document allows additional fields, for future versions; today's must all be documented.
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
    """Fix what no schema can express: the total is the sum, and numbers have two decimals."""
    body: Any = case.body
    is_order = isinstance(body, dict) and "items" in body
    if case.meta and case.meta.generation.mode.is_positive and is_order:
        for item in body["items"]:
            # A larger float cannot represent cents.
            item["price"] = round(min(item["price"], 1_000_000), 2)
            item["quantity"] = int(item["quantity"])
        if "totalAmount" in body:
            costs = (Decimal(str(item["price"])) * item["quantity"] for item in body["items"])
            body["totalAmount"] = float(sum(costs))
