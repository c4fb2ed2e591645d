"""The endpoint `/faults` for operators, and the HTTP responses during an outage."""

from flask import Blueprint, Flask, Response, request

from shared.errors import DocumentError, FaultRefused, InjectedFailure
from shared.faults.injection import FaultInjector
from shared.faults.latency import parse_latency
from shared.faults.shapes import ActiveFaults, Kind, NewFaults
from shared.faults.store import Faults
from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document
from shared.http.operator_auth import Guard

#: Paths that respond normally in an outage: for ending it, and for monitoring.
_OPEN = frozenset(
    {"/activity", "/activity/ended", "/faults", "/health/live", "/health/ready", "/metrics"}
)


def fault_views(faults: Faults, guard: Guard) -> Blueprint:
    views = Blueprint("faults", __name__)
    views.before_request(guard)
    views.before_request(lambda: None if faults.allowed else _off())
    views.register_error_handler(DocumentError, _not_understood)
    views.register_error_handler(FaultRefused, _refused)

    @views.get("/faults")
    def show() -> Response:
        return _all(faults)

    @views.post("/faults")
    def begin() -> Response:
        new = read_document(read_body(), NewFaults)
        faults.put(_values(new), seconds=new.seconds)
        return _all(faults)

    @views.delete("/faults")
    def clear() -> Response:
        faults.clear()
        return _all(faults)

    return views


def refuse_in_an_outage(app: Flask, injector: FaultInjector) -> None:
    """Respond with 503 during an outage, and with 500 for an injected failure."""
    app.register_error_handler(InjectedFailure, _failed)

    @app.before_request
    def refuse() -> Response | None:
        reason = None if request.path in _OPEN else injector.outage()
        if reason is None:
            return None
        response = problem(503, "Service unavailable", f"The service is down: {reason}.")
        response.headers["Retry-After"] = "1"
        return response


def _values(new: NewFaults) -> dict[Kind, str]:
    """Raises FaultRefused."""
    if new.latency is not None:
        parse_latency(new.latency)
    asked = {
        Kind.LATENCY: new.latency,
        Kind.FAILURES: None if new.failures is None else f"{new.failures:g}",
        Kind.OUTAGE: "on" if new.outage else None,
        Kind.CRASH: new.crash,
    }
    values = {kind: value for kind, value in asked.items() if value is not None}
    if not values:
        raise FaultRefused("say latency, failures, outage or crash")
    return values


def _all(faults: Faults) -> Response:
    return json_response(ActiveFaults(tuple(fault.shown(digits=3) for fault in faults.read())))


def _off() -> Response:
    return problem(
        403, "Faults are off", "To use them, start the service with FAULTS_ALLOWED=true."
    )


def _not_understood(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))


def _refused(error: FaultRefused) -> Response:
    return problem(422, "The fault is not valid", str(error))


def _failed(error: InjectedFailure) -> Response:
    return problem(500, "Failed on purpose", str(error))
