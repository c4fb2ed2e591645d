"""Who may ask for what: this page alone, and for what changes something, an operator.

A page on localhost is reached by every site that the same browser has open. A site that points
its own name at 127.0.0.1 (DNS rebinding) is told by the Host header, one that sends a form or a
fetch across (CSRF) by the Origin header, which browsers add to whatever changes something.
"""

import hmac
from collections.abc import Collection
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, request, session
from msgspec import Struct
from pydantic import SecretStr

from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document

#: What probes and Prometheus ask for, under whatever name they know this process by.
_OPEN = ("/health/", "/metrics")
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_HOURS = 12


class _Token(Struct, frozen=True):
    token: str


def guard_against_other_sites(app: Flask, hosts: Collection[str]) -> None:
    @app.before_request
    def refuse() -> Response | None:
        if request.path.startswith(_OPEN):
            return None
        host = urlsplit(f"//{request.host}")
        if host.hostname not in {each.strip("[]") for each in hosts}:
            return problem(403, "Unknown host", "This page is not served under that name.")
        if request.method not in _HARMLESS and not _is_own_page():
            return problem(403, "Another site", "Only this page itself may do that.")
        return None


def _is_own_page() -> bool:
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


def keep_sessions(app: Flask, token: SecretStr) -> None:
    """A signed cookie that no script can read and that other sites cannot have sent.

    It says that its browser knew the token, and is not the token.
    """
    app.secret_key = token.get_secret_value()
    app.config.update(
        SESSION_COOKIE_NAME="dashboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
    )


def operators_alone() -> Response | None:
    """A check before views that change something."""
    if session.get("operator"):
        return None
    return problem(401, "Operators only", "Say the operators' token first.")


def session_views(token: SecretStr) -> Blueprint:
    views = Blueprint("session", __name__)

    @views.get("/api/session")
    def show() -> Response:
        return json_response({"operator": bool(session.get("operator"))})

    @views.post("/api/session")
    def begin() -> Response:
        guess = read_document(read_body(), _Token).token.strip()
        if not hmac.compare_digest(guess.encode(), token.get_secret_value().encode()):
            return problem(401, "Not the token", "That is not the operators' token.")
        session.permanent = True
        session["operator"] = True
        return json_response({"operator": True})

    @views.delete("/api/session")
    def end() -> Response:
        session.clear()
        return json_response({"operator": False})

    return views
