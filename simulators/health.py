"""`/health/ready` of a simulator."""

from collections.abc import Callable

from flask import Blueprint, Response

from shared.http.app import json_response


def readiness_view(why_not_ready: Callable[[], str | None]) -> Blueprint:
    views = Blueprint("readiness", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        reason = why_not_ready()
        return json_response({"ready": not reason, "reason": reason}, 503 if reason else 200)

    return views
