"""One client, and one sentence for each thing that can go wrong with whoever is asked."""

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
from orderctl.replay.client import Replay, ReplayClient
from orderctl.settings import FaultAddresses

URL = "http://127.0.0.1:8001"
ADDRESSES = FaultAddresses(operator_token=SecretStr("a-token-for-operators"), email_url=URL)


class Breaking:
    """Takes every request, and breaks each connection before an answer."""

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
def test_whoever_asks_says_the_same_when_nobody_is_there(
    ask: Callable[[httpx.Client], object],
) -> None:
    with pytest.raises(CommandError) as caught:
        ask(client(refuse))
    assert str(caught.value) == (
        f"email does not respond at {URL} (refused): start it, or set EMAIL_URL to its address."
    )


def test_the_order_service_comes_with_the_command_that_starts_everything() -> None:
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
def test_whatever_else_answers_is_not_taken_for_the_service(
    read: Callable[[httpx.Client], object], name: str, setting: str
) -> None:
    with pytest.raises(CommandError) as caught:
        read(client(lambda _request: httpx.Response(200, content=b"[")))
    said = str(caught.value)
    assert said.startswith(f"The server at {URL} is not {name} (")
    assert said.endswith(f"): set {setting} to the address of {name}.")


def test_the_setting_of_a_name_of_several_words_is_one_that_can_be_set() -> None:
    names = ("email", "sms gateway", "my-service")
    settings = [ServiceClient(client(refuse), name, URL).setting for name in names]
    assert settings == ["EMAIL_URL", "SMS_GATEWAY_URL", "MY_SERVICE_URL"]


def test_a_replay_is_asked_for_once_and_looked_at_again() -> None:
    """Asked for a second time, it might run a second time."""
    breaking = Breaking()
    replays = ReplayClient(client(breaking), ADDRESSES, "email")
    for ask in (lambda: replays.begin({}), lambda: replays.find("x")):
        with pytest.raises(CommandError, match="email does not respond"):
            ask()
    assert breaking.asked == ["POST"] + ["GET"] * ATTEMPTS
