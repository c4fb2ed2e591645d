"""orderctl repeats a request whose connection breaks, and never uses a partial response."""

from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest

from orderctl.ask_again import ATTEMPTS, PAUSE_SECONDS, ask_again
from orderctl.audit.backlog import BacklogProbe
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.errors import CommandError, EvidenceUnreadable
from orderctl.fault.client import FaultClient
from tests.unit.orderctl.audit.far_ends import FakeBroker, FarEnds, addresses

BROKEN = [
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
]
#: The server is unreachable or stuck; reported at once, without repeating the request.
NOT_ASKED_AGAIN = [httpx.ConnectError("refused"), httpx.ReadTimeout("30 s")]


class Asked:
    """Responds after these errors."""

    def __init__(self, error: httpx.HTTPError, times: int) -> None:
        self._error, self._times = error, times
        self.count = 0
        self.slept: list[float] = []

    def __call__(self) -> str:
        self.count += 1
        if self.count <= self._times:
            raise self._error
        return "answer"

    def again(self) -> str:
        return ask_again(self, sleep=self.slept.append)


@pytest.mark.parametrize("error", BROKEN, ids=repr)
def test_a_broken_request_is_repeated(error: httpx.HTTPError) -> None:
    asked = Asked(error, times=ATTEMPTS - 1)
    assert asked.again() == "answer"
    assert asked.slept == [PAUSE_SECONDS] * (ATTEMPTS - 1)


@pytest.mark.parametrize("error", BROKEN, ids=repr)
def test_a_request_that_keeps_breaking_raises(error: httpx.HTTPError) -> None:
    asked = Asked(error, times=ATTEMPTS)
    with pytest.raises(type(error)):
        asked.again()
    assert asked.count == ATTEMPTS


@pytest.mark.parametrize("error", NOT_ASKED_AGAIN, ids=repr)
def test_an_unreachable_or_stuck_server_is_asked_once(error: httpx.HTTPError) -> None:
    asked = Asked(error, times=1)
    with pytest.raises(type(error)):
        asked.again()
    assert (asked.count, asked.slept) == (1, [])


class Row(msgspec.Struct):
    number: int


LINES = [b'{"number": 1}\n', b'{"number": 2}\n', b'{"number": 3}\n']


class Cut(httpx.SyncByteStream):
    """The first piece of a response, before its connection breaks."""

    def __iter__(self) -> Iterator[bytes]:
        yield LINES[0] + LINES[1][:5]
        raise httpx.RemoteProtocolError("incomplete chunked read")


def cut_at_first(times: int, whole: bytes = b"".join(LINES)) -> httpx.MockTransport:
    cuts = iter(range(times))

    def answer(_request: httpx.Request) -> httpx.Response:
        if next(cuts, None) is None:
            return httpx.Response(200, content=whole)
        return httpx.Response(200, stream=Cut())

    return httpx.MockTransport(answer)


def test_a_truncated_list_is_read_again_without_duplicates() -> None:
    service = EvidenceClient(
        httpx.Client(transport=cut_at_first(2)), "inventory", "http://inventory"
    )
    assert list(service.lines("/effects", Row)) == [Row(1), Row(2), Row(3)]


def test_nothing_of_a_list_that_is_always_truncated_is_used() -> None:
    service = EvidenceClient(
        httpx.Client(transport=cut_at_first(ATTEMPTS)), "inventory", "http://inventory"
    )
    taken: list[str] = []
    with pytest.raises(EvidenceUnreadable, match="incomplete chunked read"):
        taken.extend(map(repr, service.lines("/effects", Row)))
    assert taken == []


def test_a_truncated_page_is_read_again() -> None:
    client = httpx.Client(transport=cut_at_first(1, LINES[0]))
    assert EvidenceClient(client, "order", "http://order").get("/orders", Row) == Row(1)


def test_a_fault_request_is_repeated_when_the_service_crashes() -> None:
    client = httpx.Client(transport=cut_at_first(1, b'{"faults": []}'))
    assert FaultClient(client, addresses()).begin("inventory", {"crash": "before"}) == ()


def breaking_once(error: httpx.HTTPError) -> Callable[[httpx.Request], httpx.Response]:
    errors = iter([error])

    def answer(_request: httpx.Request) -> httpx.Response:
        if broken := next(errors, None):
            raise broken
        return httpx.Response(200, content=b'{"ready": true, "unsettled": 7}')

    return answer


def test_a_consumers_held_count_is_requested_again() -> None:
    far = FarEnds()
    far.answers["email", "/health/ready"] = breaking_once(BROKEN[0])
    assert BacklogProbe(addresses("email"), far.client(), FakeBroker())().unsettled == {"email": 7}


def test_a_fault_for_an_unreachable_service_is_reported() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise NOT_ASKED_AGAIN[0]

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    with pytest.raises(CommandError, match="start it"):
        FaultClient(client, addresses()).clear("email")
