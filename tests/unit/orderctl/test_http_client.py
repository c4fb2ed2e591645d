"""One client, with one sentence for each kind of failed request."""

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from orderctl.ask_again import ATTEMPTS
from orderctl.errors import CommandError
from orderctl.fault.client import FaultClient
from orderctl.http_client import ServiceClient
from orderctl.order_service import read_answer, request_order
from orderctl.output import command
from orderctl.replay.client import ReplayClient
from orderctl.settings import FaultAddresses
from shared.replay.shapes import Replay

URL = "http://127.0.0.1:8001"
ADDRESSES = FaultAddresses(operator_token=SecretStr("a-token-for-operators"), email_url=URL)


class Breaking:
    """Accepts every request, and breaks each connection before responding."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        raise httpx.ReadError("reset")


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def refuse(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    "ask",
    [
        lambda http: ServiceClient(http, "email", f"{URL}/").ask("GET", "/x"),
        lambda http: FaultClient(http, ADDRESSES).show("email"),
        lambda http: ReplayClient(http, ADDRESSES, "email").find("x"),
    ],
    ids=["anything", "faults", "replays"],
)
def test_every_command_reports_an_unreachable_service_alike(
    ask: Callable[[httpx.Client], object],
) -> None:
    with pytest.raises(CommandError) as caught:
        ask(client(refuse))
    assert str(caught.value) == (
        f"email does not respond at {URL} (refused): start it, or set EMAIL_URL to its address."
    )


def test_an_unreachable_order_service_is_reported_with_the_start_command() -> None:
    with pytest.raises(CommandError) as caught:
        request_order(client(refuse), URL, "ord-1")
    assert str(caught.value) == (
        f"The order service does not respond at {URL} (refused): start it "
        f"({command('demo --keep')} starts everything), or set ORDER_URL to its address."
    )


@pytest.mark.parametrize(
    ("read", "name", "setting"),
    [
        (lambda http: FaultClient(http, ADDRESSES).show("email"), "email", "EMAIL_URL"),
        (lambda http: ReplayClient(http, ADDRESSES, "email").find("x"), "email", "EMAIL_URL"),
        (
            lambda http: read_answer(request_order(http, URL, "x").content, Replay, URL),
            "the order service",
            "ORDER_URL",
        ),
    ],
    ids=["faults", "replays", "an order"],
)
def test_other_responses_are_not_taken_for_the_service(
    read: Callable[[httpx.Client], object], name: str, setting: str
) -> None:
    with pytest.raises(CommandError) as caught:
        read(client(lambda _request: httpx.Response(200, content=b"[")))
    said = str(caught.value)
    assert said.startswith(f"The server at {URL} is not {name} (")
    assert said.endswith(f"): set {setting} to the address of {name}.")


def test_the_setting_for_a_name_with_hyphens_exists() -> None:
    names = ("email", "sms gateway", "my-service")
    settings = [ServiceClient(client(refuse), name, URL).setting for name in names]
    assert settings == ["EMAIL_URL", "SMS_GATEWAY_URL", "MY_SERVICE_URL"]


def test_a_replay_is_requested_once_but_polled_again() -> None:
    """A repeated request might start a second replay."""
    breaking = Breaking()
    replays = ReplayClient(client(breaking), ADDRESSES, "email")
    for ask in (lambda: replays.begin({}), lambda: replays.find("x")):
        with pytest.raises(CommandError, match="email does not respond"):
            ask()
    assert breaking.asked == ["POST"] + ["GET"] * ATTEMPTS
