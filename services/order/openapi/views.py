"""The API documentation: `/openapi.json` for programs, `/docs` for people."""

from flask import Blueprint, Response

from services.order.openapi.document import document
from services.order.openapi.page import add_page
from shared.http.app import to_json


def docs() -> Blueprint:
    views = Blueprint("docs", __name__)
    body = to_json(document())

    @views.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, content_type="application/json")

    add_page(views)
    return views
