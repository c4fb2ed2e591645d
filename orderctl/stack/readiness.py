"""Checks whether a part is ready."""

import socket
from contextlib import suppress

import httpx

from orderctl.health import Health
from orderctl.stack.parts import StackPlan
from orderctl.stack.ports import HOST
from shared.errors import DocumentError
from shared.http import bounded_client
from shared.http.documents import read_document

#: The mail sink has Mailpit's path; all other parts have /health/ready.
READY_PATH = {"mail_sink": "/readyz"}
TIMEOUT_SECONDS = 2.0


def open_client() -> httpx.Client:
    """A client to reuse, since creating one costs a hundred times as much as a request.

    Each request has its own connection, since the part may have been restarted in between.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return bounded_client.open_client(TIMEOUT_SECONDS, limits=limits)


def why_not_ready(part: str, plan: StackPlan, client: httpx.Client) -> str | None:
    """The reason, or None if it is ready."""
    url = plan.url(part) + READY_PATH.get(part, "/health/ready")
    try:
        response = client.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    if not response.is_success:
        return _reason(response)
    return _why_no_smtp(plan) if part == "mail_sink" else None


def _reason(response: httpx.Response) -> str:
    status = f"it responded with {response.status_code}"
    with suppress(DocumentError):
        return read_document(response.content, Health).reason or status
    return status


def _why_no_smtp(plan: StackPlan) -> str | None:
    try:
        socket.create_connection((HOST, plan.ports["smtp"]), TIMEOUT_SECONDS).close()
    except OSError as error:
        return f"SMTP on port {plan.ports['smtp']}: {error}"
    return None
