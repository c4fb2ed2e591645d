"""The stages of a synchronous order: one call to each consumer."""

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
from shared.openapi.fields import Amount, one_of
from shared.transport import Message
from shared.transport.http_binding import to_http_headers

#: A running service accepts connections at once; one that is down must not cost more time.
CONNECT_SECONDS = 2.0
FAILED = "failed"
TIMED_OUT = "timed_out"
#: Outcomes of a consumer whose effect is applied, by this call or an earlier one.
SUCCEEDED = ("applied", "applied_before")
NO_OUTCOME = "the response contains no outcome"


class Stage(msgspec.Struct, frozen=True, rename="camel"):
    """A call to a service."""

    stage: Annotated[str, Meta(description="The name of the service that was called.")]
    outcome: Annotated[str, one_of(*SUCCEEDED, FAILED, TIMED_OUT)]
    started_seconds: Annotated[Amount, Meta(description="From the start of the first call.")]
    seconds: Annotated[Amount, Meta(description="How long the call took.")]
    reason: Annotated[str | None, Meta(description="Why it failed.")] = None

    @property
    def succeeded(self) -> bool:
        return self.outcome in SUCCEEDED


class _Outcome(msgspec.Struct):
    outcome: str = ""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class StageCalls:
    """Calls the consumers at `urls`, by name, in this order. `timeout`: seconds per call;
    `orders`: maximum number of orders at the same time.
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
        # No keep-alive: the consumer might close the connection during a call, and a failed call
        # fails the order.
        self._client = client or open_client(
            timeout,
            connect=CONNECT_SECONDS,
            limits=httpx.Limits(max_connections=threads, max_keepalive_connections=0),
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="stage")

    def longest(self, mode: Mode) -> float:
        """Maximum duration of all the calls of one order, in seconds."""
        calls = len(self._urls) if mode is Mode.SYNC else 1
        return calls * (self._timeout + CONNECT_SECONDS)

    def run(self, mode: Mode, message: Message) -> tuple[Stage, ...]:
        """Call the consumers; in the mode sync, stop after the first failure."""
        began = self._clock()
        call = lambda name: self._call(name, message, began)  # noqa: E731
        if mode is Mode.PARALLEL:
            return tuple(self._threads.map(call, self._urls))
        return self._one_by_one(call)

    def _one_by_one(self, call: Callable[[str], Stage]) -> tuple[Stage, ...]:
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
            return TIMED_OUT, f"no response within {self._timeout:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return FAILED, f"no response: {str(error) or type(error).__name__}"
        return _read_outcome(response)


def failed_stage(stages: Sequence[Stage]) -> Stage | None:
    """The first failed stage, in the order of the consumers."""
    return next((stage for stage in stages if not stage.succeeded), None)


def _read_outcome(response: httpx.Response) -> tuple[str, str | None]:
    if response.status_code != httpx.codes.OK:
        return FAILED, _reason(response)
    body = _Outcome()
    with suppress(DocumentError):
        body = read_document(response.content, _Outcome)
    if body.outcome in SUCCEEDED:
        return body.outcome, None
    return FAILED, f"unexpected outcome {body.outcome!r}" if body.outcome else NO_OUTCOME


def _reason(response: httpx.Response) -> str:
    problem = _Problem()
    with suppress(DocumentError):
        problem = read_document(response.content, _Problem)
    return f"it responded with {response.status_code} {problem.detail or problem.title}".strip()
