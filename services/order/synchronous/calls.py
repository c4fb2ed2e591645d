"""The stages of an order that is done while the client waits: a call to each consumer."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta

from services.order.modes import Mode
from shared.errors import DocumentError
from shared.http.bounded_client import open_client
from shared.http.documents import read_document
from shared.openapi.fields import Amount
from shared.transport import Message
from shared.transport.http_binding import to_http_headers

#: A neighbour that is there takes a connection at once; one that is not must not cost more.
CONNECT_SECONDS = 2.0
FAILED = "failed"
TIMED_OUT = "timed_out"
#: What a consumer answers when its effect is there: done by this call, or by an earlier one.
SUCCEEDED = ("applied", "applied_before")


class Stage(msgspec.Struct, frozen=True, rename="camel"):
    """A call that was made to a service."""

    stage: Annotated[str, Meta(description="The name of the service that was called.")]
    outcome: str
    started_seconds: Annotated[Amount, Meta(description="From the beginning of the first call.")]
    seconds: Annotated[Amount, Meta(description="How long the call took.")]
    reason: Annotated[str | None, Meta(description="Why it did not succeed.")] = None

    @property
    def succeeded(self) -> bool:
        return self.outcome in SUCCEEDED


class _Outcome(msgspec.Struct):
    outcome: str = ""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class StageCalls:
    """Calls the consumers at `urls`, by name and in this order. `timeout` is in seconds, of a
    call; `orders` is how many orders are done at the same time, at most.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        timeout: float,
        orders: int,
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._urls = urls
        self._timeout = timeout
        self._clock = clock
        threads = max(1, orders * len(urls))
        # No connection that the consumer may be closing just now: a call that fails on its way
        # fails the order.
        self._client = client or open_client(
            timeout,
            connect=CONNECT_SECONDS,
            limits=httpx.Limits(max_connections=threads, max_keepalive_connections=0),
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="stage")

    def longest(self, mode: Mode) -> float:
        """Seconds that the calls of one order can take, all of them together."""
        calls = len(self._urls) if mode is Mode.SYNC else 1
        return calls * (self._timeout + CONNECT_SECONDS)

    def run(self, mode: Mode, message: Message) -> tuple[Stage, ...]:
        """Those that were called. In turn, nobody is called after the first that fails."""
        began = self._clock()
        call = lambda name: self._call(name, message, began)  # noqa: E731
        if mode is Mode.PARALLEL:
            return tuple(self._threads.map(call, self._urls))
        return self._in_turn(call)

    def _in_turn(self, call: Callable[[str], Stage]) -> tuple[Stage, ...]:
        done: list[Stage] = []
        for name in self._urls:
            done.append(call(name))
            if not done[-1].succeeded:
                break
        return tuple(done)

    def _call(self, name: str, message: Message, began: float) -> Stage:
        started = self._clock()
        outcome, reason = self._outcome(name, message)
        times = (round(started - began, 6), round(self._clock() - started, 6))
        return Stage(name, outcome, *times, reason)

    def _outcome(self, name: str, message: Message) -> tuple[str, str | None]:
        url = f"{self._urls[name].rstrip('/')}/events"
        headers = to_http_headers(message)
        try:
            response = self._client.post(url, content=message.body, headers=headers)
        except httpx.TimeoutException:
            return TIMED_OUT, f"no answer within {self._timeout:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return FAILED, f"it does not answer: {str(error) or type(error).__name__}"
        return _answered(response)


def failed_stage(stages: Sequence[Stage]) -> Stage | None:
    """The first that did not succeed, in the order of the consumers."""
    return next((stage for stage in stages if not stage.succeeded), None)


def _answered(response: httpx.Response) -> tuple[str, str | None]:
    if response.status_code != httpx.codes.OK:
        return FAILED, _reason(response)
    answer = _Outcome()
    with suppress(DocumentError):
        answer = read_document(response.content, _Outcome)
    if answer.outcome in SUCCEEDED:
        return answer.outcome, None
    return FAILED, f"it answers {answer.outcome or 'what is no outcome'!r}"


def _reason(response: httpx.Response) -> str:
    problem = _Problem()
    with suppress(DocumentError):
        problem = read_document(response.content, _Problem)
    return f"it answers {response.status_code} {problem.detail or problem.title}".strip()
