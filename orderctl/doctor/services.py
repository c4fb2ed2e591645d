"""Checks each service's address and readiness, the outbox, and the operator token."""

from collections.abc import Iterator
from contextlib import suppress

import httpx

from orderctl.doctor.finding import Finding, ok, problem, warning
from orderctl.health import Health, together
from orderctl.http_client import bearer
from orderctl.output import command
from orderctl.replicas import Replicas, replicas
from orderctl.settings import Addresses
from shared.errors import DocumentError
from shared.http.documents import read_document

#: An outbox row is published within a second; one this old is stuck.
STUCK_SECONDS = 30.0


def addresses_of(addresses: Addresses) -> dict[str, str]:
    """The services with a documented port, and their addresses."""
    return {
        "order": addresses.order_url,
        "relay": addresses.relay_url,
        **{name: addresses.of(name) for name in addresses.consumers},
        "sms_gateway": addresses.sms_gateway_url,
    }


def health_of(client: httpx.Client, url: str) -> Health | None:
    """The health of the process at this address; None without a valid response."""
    with suppress(httpx.HTTPError, DocumentError):
        response = client.get(url.rstrip("/") + "/health/ready")
        return read_document(response.content, Health)
    return None


def combined_health(client: httpx.Client, url: str, where: Replicas = replicas) -> Health | None:
    """The health of all processes behind an address; None if none of them responds."""
    return together([state for each in where(url) if (state := health_of(client, each))])


def check_service(client: httpx.Client, name: str, url: str) -> Finding:
    try:
        response = client.get(url.rstrip("/") + "/health/ready")
        state = read_document(response.content, Health)
    except httpx.ConnectError:
        return _not_running(name, url)
    except (httpx.HTTPError, DocumentError):
        return _other_server(name, url)
    if state.ready:
        return ok(name, f"ready at {url}")
    return problem(
        name,
        f"running at {url}, but not ready: {state.reason or 'no reason given'}",
        "Fix the cause; the service then continues by itself.",
    )


def check_mail(client: httpx.Client, url: str) -> Finding:
    """Mailpit and the mail sink both respond to /readyz, without a reason."""
    try:
        response = client.get(url.rstrip("/") + "/readyz")
    except httpx.ConnectError:
        return _not_running("mail", url)
    except httpx.HTTPError:
        return _other_server("mail", url)
    return ok("mail", f"ready at {url}") if response.is_success else _other_server("mail", url)


def _not_running(name: str, url: str) -> Finding:
    return problem(
        name,
        f"not running at {url}: the port is free",
        f"Start it ({command('demo --keep')} starts everything), "
        f"or set {name.upper()}_URL to its address.",
    )


def _other_server(name: str, url: str) -> Finding:
    port = httpx.URL(url).port or 80
    return problem(
        name,
        f"another server is using {url}",
        f"Find out which (lsof -i :{port}) and stop it, "
        f"or set {name.upper()}_URL to the address of {name}.",
    )


def check_outbox(client: httpx.Client, relay_url: str) -> Iterator[Finding]:
    """No findings if the relay does not respond, which check_service reports."""
    state = health_of(client, relay_url)
    if state is None:
        return
    if state.set_aside:
        yield problem(
            "outbox rows",
            f"{state.set_aside} set aside, because they cannot be published",
            "Their column set_aside has the reason. Repair them, and set it to NULL: the README of "
            "the order service has the statements.",
        )
    age = state.oldest_age_seconds or 0.0
    if age <= STUCK_SECONDS:
        yield ok("outbox", f"{state.pending} pending, the oldest for {age:.0f} s")
        return
    yield problem(
        "outbox",
        f"stuck: {state.pending} pending, the oldest for {age:.0f} s",
        "The relay is not publishing. Check its readiness and its log.",
    )


def check_token(client: httpx.Client, addresses: Addresses) -> Iterator[Finding]:
    """Try the token on each service with an operator endpoint; skip services that are down."""
    yield from _token_of(client, "order", addresses.order_url, "/outbox", addresses)
    for name in addresses.consumers:
        yield from _token_of(client, name, addresses.of(name), "/effects", addresses)


def _token_of(
    client: httpx.Client, name: str, url: str, path: str, addresses: Addresses
) -> Iterator[Finding]:
    headers = bearer(addresses.operator_token)
    with suppress(httpx.HTTPError):
        # Only the status is read, since a list of all effects may be long.
        with client.stream("GET", url.rstrip("/") + path, headers=headers) as response:
            status = response.status_code
        yield from _judge_token(f"{name} token", status)


def _judge_token(about: str, status: int) -> Iterator[Finding]:
    if status == httpx.codes.OK:
        yield ok(about, "OPERATOR_TOKEN is accepted")
    if status == httpx.codes.UNAUTHORIZED:
        yield problem(
            about,
            "OPERATOR_TOKEN is rejected (401)",
            "Set it to the token that the service was started with.",
        )
    if status == httpx.codes.NOT_FOUND:
        yield warning(
            about,
            "operator endpoints are disabled (404)",
            "Start the service with an OPERATOR_TOKEN, and set the same one for orderctl.",
        )
