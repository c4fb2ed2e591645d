"""The text message, and the meaning of each gateway response for the event."""

import gzip
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from orderctl.stack.ports import free_port
from services.sms.handler import send_text
from services.sms.refusals import retry_after
from services.sms.settings import SmsSettings
from shared.errors import DependencyUnavailable, Refused
from shared.http.bounded_client import MAX_RESPONSE_BYTES, BoundedClient, open_client
from tests.builders import an_event, an_item
from tests.sms_server import (
    DRIP_BODY,
    DRIP_HEADERS,
    DRIP_STATUS,
    DROP,
    HANG,
    Request,
    SmsServer,
)

LIMITS = httpx.Limits(max_connections=2)


@pytest.fixture
def gateway() -> Iterator[SmsServer]:
    with SmsServer() as gateway:
        yield gateway


@pytest.fixture
def client(gateway: SmsServer) -> Iterator[BoundedClient]:
    with open_client(0.5, limits=LIMITS, base_url=gateway.url) as client:
        yield client


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_the_text_is_sent_with_the_events_id(
    gateway: SmsServer, client: BoundedClient, status: int
) -> None:
    gateway.status = status
    gateway.body = b"" if status == 204 else b"answer"
    event = an_event(an_item("prod-456", 2, "49.9"), user="usr-7")
    send_text(event, client)
    text = f"Your order {event.order.order_id} for €99.80 is confirmed."
    assert gateway.requests == [Request("/messages", event.id, {"to": "usr-7", "text": text})]


@pytest.mark.parametrize(
    "status", [301, 302, 307, 401, 402, 405, 407, 408, 421, 425, 426, 429, 502, 503, 504, 511]
)
def test_an_error_for_every_text_is_an_outage(
    gateway: SmsServer, client: BoundedClient, status: int
) -> None:
    gateway.status = status
    with pytest.raises(DependencyUnavailable, match=f"SMS gateway is unavailable: .*{status}"):
        send_text(an_event(), client)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 413, 422, 500, 501, 507])
def test_another_refusal_is_ambiguous(
    gateway: SmsServer, client: BoundedClient, status: int
) -> None:
    gateway.status = status
    with pytest.raises(Refused, match=f"the SMS gateway refused it: {status} answer") as refused:
        send_text(an_event(), client)
    assert (refused.value.kind, refused.value.for_now) == (str(status), False)


def test_a_key_in_progress_is_a_temporary_refusal(
    gateway: SmsServer, client: BoundedClient
) -> None:
    gateway.status = 409
    with pytest.raises(Refused) as refused:
        send_text(an_event(), client)
    assert refused.value.for_now is True


@pytest.mark.parametrize("status", [429, 503, 500])
def test_retry_after_is_read(gateway: SmsServer, client: BoundedClient, status: int) -> None:
    gateway.status, gateway.headers = status, {"Retry-After": "17"}
    with pytest.raises((DependencyUnavailable, Refused)) as refused:
        send_text(an_event(), client)
    assert isinstance(refused.value, DependencyUnavailable | Refused)
    assert refused.value.retry_after == 17.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 5000, float("inf")),
        ("Wed, 04 Mar 2026 05:07:07 GMT", 60.0),
        ("Wed, 04 Mar 2026 05:05:07 GMT", 0.0),
        ("Wed, 04 Mar 2026 05:07:07 -0000", None),
        ("Wed, 99 Mar 2026 05:07:07 GMT", None),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [DROP, HANG, DRIP_STATUS, DRIP_HEADERS, DRIP_BODY])
def test_a_lost_response_is_an_outage_and_is_reported_at_once(
    gateway: SmsServer, client: BoundedClient, status: int
) -> None:
    gateway.status = status
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable, match="SMS gateway is unavailable"):
        send_text(an_event(), client)
    assert time.monotonic() - began < 2
    assert len(gateway.requests) == 1


def test_a_call_on_a_reused_connection_has_its_full_timeout(
    gateway: SmsServer, client: BoundedClient
) -> None:
    for _ in range(3):
        send_text(an_event(), client)
        threading.Event().wait(0.3)
    assert len(gateway.requests) == 3


def test_an_endless_response_is_not_stored(gateway: SmsServer) -> None:
    gateway.body = b"x" * (MAX_RESPONSE_BYTES + 1)
    with (
        open_client(20.0, limits=LIMITS, base_url=gateway.url) as client,
        pytest.raises(DependencyUnavailable, match="more than"),
    ):
        send_text(an_event(), client)


def test_a_compressed_response_is_not_decompressed(
    gateway: SmsServer, client: BoundedClient
) -> None:
    gateway.headers = {"Content-Encoding": "gzip"}
    gateway.body = gzip.compress(b"x" * MAX_RESPONSE_BYTES)
    response = client.exchange("POST", "/messages", json={}, headers={"Idempotency-Key": "1"})
    assert response.content == gateway.body


def test_an_unreachable_gateway_is_unavailable() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with (
        open_client(1.0, limits=LIMITS, base_url=url) as client,
        pytest.raises(DependencyUnavailable),
    ):
        send_text(an_event(), client)


def test_the_lease_outlasts_the_longest_call() -> None:
    settings = SmsSettings(
        broker_url="sqlite:///b", database_url="sqlite:///d", work_time=1, sms_timeout=5
    )
    the_call, a_second_address = 5, 5
    assert settings.lease > 1 + the_call + a_second_address
