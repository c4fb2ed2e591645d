"""Injects faults into the order service, which applies them to orders being placed."""

from flask import Flask, Response, request

from shared.faults.injection import AFTER, BEFORE, FaultInjector
from shared.faults.views import refuse_in_an_outage


def inject_faults(app: Flask, injector: FaultInjector) -> None:
    """Crash `before` the order is stored, or `after` it is stored but before the response."""
    refuse_in_an_outage(app, injector)

    @app.before_request
    def before() -> None:
        if _is_an_order():
            injector.crash(BEFORE)
            injector.delay()
            injector.fail()

    @app.after_request
    def after(response: Response) -> Response:
        if _is_an_order() and response.status_code in (201, 202):
            injector.crash(AFTER)
        return response


def _is_an_order() -> bool:
    return request.method == "POST" and request.path == "/orders"
