"""Asks a part whether it is ready."""

import socket
from contextlib import suppress

import httpx

from orderctl.health import Health
from orderctl.stack.parts import StackPlan
from orderctl.stack.ports import HOST
from shared.errors import DocumentError
from shared.http import bounded_client
from shared.http.documents import read_document

#: Mailpit's names, which the mail sink shares; everything else is one of our services.
READY_PATH = {"mail_sink": "/readyz"}
TIMEOUT_SECONDS = 2.0


def open_client() -> httpx.Client:
    """To ask with, again and again: to make a client costs a hundred times what a request does.

    Each request has a connection of its own, since the part behind it may be another one by then.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return bounded_client.open_client(TIMEOUT_SECONDS, limits=limits)


def why_not_ready(part: str, plan: StackPlan, client: httpx.Client) -> str | None:
    """None when it is ready."""
    url = plan.url(part) + READY_PATH.get(part, "/health/ready")
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    if not answer.is_success:
        return _reason(answer)
    return _why_no_smtp(plan) if part == "mail_sink" else None


def _reason(answer: httpx.Response) -> str:
    with suppress(DocumentError):
        reason = read_document(answer.content, Health).reason
        return reason or f"it answers {answer.status_code}"
    return f"it answers {answer.status_code}"


def _why_no_smtp(plan: StackPlan) -> str | None:
    try:
        socket.create_connection((HOST, plan.ports["smtp"]), TIMEOUT_SECONDS).close()
    except OSError as error:
        return f"SMTP on port {plan.ports['smtp']}: {error}"
    return None
