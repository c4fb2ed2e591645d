"""Access control: requests from this page only, and changes by operators only.

Every site open in the same browser can send requests to localhost. A site that points its own name
at 127.0.0.1 (DNS rebinding) is detected by the Host header; one that submits a form or a fetch from
another origin (CSRF), by the Origin header, which browsers add to requests that change something.
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

#: For probes and Prometheus, which may use any host name.
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
            return problem(403, "Unknown host", "This page is not available under this host name.")
        if request.method not in _HARMLESS and not _is_own_page():
            return problem(403, "Another site", "Only this page may send this request.")
        return None


def _is_own_page() -> bool:
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


def keep_sessions(app: Flask, token: SecretStr) -> None:
    """Configure a signed session cookie that scripts cannot read and other sites cannot send.

    It proves that the browser had the token, but does not contain it.
    """
    app.secret_key = token.get_secret_value()
    app.config.update(
        SESSION_COOKIE_NAME="dashboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
    )


def require_operator() -> Response | None:
    """Refuses a request without an operator session."""
    if session.get("operator"):
        return None
    return problem(401, "Operators only", "Enter the operator token first.")


def session_views(token: SecretStr) -> Blueprint:
    views = Blueprint("session", __name__)

    @views.get("/api/session")
    def show() -> Response:
        return json_response({"operator": bool(session.get("operator"))})

    @views.post("/api/session")
    def begin() -> Response:
        guess = read_document(read_body(), _Token).token.strip()
        if not hmac.compare_digest(guess.encode(), token.get_secret_value().encode()):
            return problem(401, "Wrong token", "This is not the operator token.")
        session.permanent = True
        session["operator"] = True
        return json_response({"operator": True})

    @views.delete("/api/session")
    def end() -> Response:
        session.clear()
        return json_response({"operator": False})

    return views
