"""`/health/ready` of a simulator."""

from collections.abc import Callable

from flask import Blueprint, Response
from sqlalchemy import Engine, text

from shared.database import reading
from shared.errors import DependencyUnavailable
from shared.http import json_response


def readiness_view(why_not_ready: Callable[[], str | None]) -> Blueprint:
    views = Blueprint("readiness", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        reason = why_not_ready()
        return json_response({"ready": not reason, "reason": reason}, 503 if reason else 200)

    return views


def database_problem(engine: Engine) -> str | None:
    try:
        with reading(engine) as tx:
            tx.execute(text("SELECT 1"))
    except DependencyUnavailable as error:
        return str(error)
    return None
