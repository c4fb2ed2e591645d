"""Who answers at each address, whether it is ready, its outbox, and the operator's token."""

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
    """Every process that is documented to have a port, and its address."""
    return {
        "order": addresses.order_url,
        "relay": addresses.relay_url,
        **{name: addresses.of(name) for name in addresses.consumers},
        "sms_gateway": addresses.sms_gateway_url,
    }


def look(client: httpx.Client, url: str) -> Health | None:
    """Its state; None where nobody answers, or not as one of ours does."""
    with suppress(httpx.HTTPError, DocumentError):
        answer = client.get(url.rstrip("/") + "/health/ready")
        return read_document(answer.content, Health)
    return None


def look_at_all(client: httpx.Client, url: str, where: Replicas = replicas) -> Health | None:
    """What all processes behind an address hold, and whether they are ready; None: no answer."""
    return together([state for each in where(url) if (state := look(client, each))])


def check_service(client: httpx.Client, name: str, url: str) -> Finding:
    try:
        answer = client.get(url.rstrip("/") + "/health/ready")
        state = read_document(answer.content, Health)
    except httpx.ConnectError:
        return _nobody(name, url)
    except (httpx.HTTPError, DocumentError):
        return _somebody_else(name, url)
    if state.ready:
        return ok(name, f"answers at {url} and is ready")
    return problem(
        name,
        f"answers at {url}, but does no work: {state.reason or 'it does not say why'}",
        "Mend what it names; it goes on by itself.",
    )


def check_mail(client: httpx.Client, url: str) -> Finding:
    """Mailpit and our mail sink answer /readyz alike, without a reason."""
    try:
        answer = client.get(url.rstrip("/") + "/readyz")
    except httpx.ConnectError:
        return _nobody("mail", url)
    except httpx.HTTPError:
        return _somebody_else("mail", url)
    return ok("mail", f"answers at {url}") if answer.is_success else _somebody_else("mail", url)


def _nobody(name: str, url: str) -> Finding:
    return problem(
        name,
        f"nobody answers at {url}: the port is free",
        f"Start it ({command('demo --keep')} starts everything), "
        f"or set {name.upper()}_URL to where it is.",
    )


def _somebody_else(name: str, url: str) -> Finding:
    port = httpx.URL(url).port or 80
    return problem(
        name,
        f"something else answers at {url}",
        f"Find out what holds the port (lsof -i :{port}) and end it, "
        f"or set {name.upper()}_URL to where {name} is.",
    )


def check_outbox(client: httpx.Client, relay_url: str) -> Iterator[Finding]:
    """Nothing where the relay does not answer: that is a finding of its own."""
    state = look(client, relay_url)
    if state is None:
        return
    if state.set_aside:
        yield problem(
            "outbox rows",
            f"{state.set_aside} set aside, because they cannot be published as they are",
            "Their column set_aside says why. Repair them, and set it to NULL: the README of the "
            "order service has the statements.",
        )
    age = state.oldest_age_seconds or 0.0
    if age <= STUCK_SECONDS:
        yield ok("outbox", f"{state.pending} pending, the oldest for {age:.0f} s")
        return
    yield problem(
        "outbox",
        f"stuck: {state.pending} pending, the oldest for {age:.0f} s",
        "The relay is not publishing. See why it is not ready, and read its log.",
    )


def check_token(client: httpx.Client, addresses: Addresses) -> Iterator[Finding]:
    """Each service with an operator endpoint is asked once; those that are away are skipped."""
    yield from _token_of(client, "order", addresses.order_url, "/outbox", addresses)
    for name in addresses.consumers:
        yield from _token_of(client, name, addresses.of(name), "/effects", addresses)


def _token_of(
    client: httpx.Client, name: str, url: str, path: str, addresses: Addresses
) -> Iterator[Finding]:
    headers = bearer(addresses.operator_token)
    with suppress(httpx.HTTPError):
        # The status is enough: a list of all effects may be long.
        with client.stream("GET", url.rstrip("/") + path, headers=headers) as answer:
            status = answer.status_code
        yield from _judge_token(f"{name} token", status)


def _judge_token(about: str, status: int) -> Iterator[Finding]:
    if status == httpx.codes.OK:
        yield ok(about, "OPERATOR_TOKEN is taken")
    if status == httpx.codes.UNAUTHORIZED:
        yield problem(
            about,
            "OPERATOR_TOKEN is not taken (401)",
            "Set it to the one that the service was started with.",
        )
    if status == httpx.codes.NOT_FOUND:
        yield warning(
            about,
            "operator endpoints are off (404)",
            "Start the service with an OPERATOR_TOKEN, and give orderctl the same.",
        )
