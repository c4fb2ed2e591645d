"""The faults of the order service: for it, the next message is the next order."""

from flask import Flask, Response, request

from shared.fault_views import refuse_in_an_outage
from shared.faulty import AFTER, BEFORE, Trouble


def be_in_trouble(app: Flask, trouble: Trouble) -> None:
    """`before`: nothing is written yet; `after`: the order is, and its client hears nothing."""
    refuse_in_an_outage(app, trouble)

    @app.before_request
    def before() -> None:
        if _is_an_order():
            trouble.crash(BEFORE)
            trouble.delay()
            trouble.fail()

    @app.after_request
    def after(response: Response) -> Response:
        if _is_an_order() and response.status_code in (201, 202):
            trouble.crash(AFTER)
        return response


def _is_an_order() -> bool:
    return request.method == "POST" and request.path == "/orders"
