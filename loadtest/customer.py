"""The base of all users: keeps a schedule, sends, checks, and tells failures from refusals."""

import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from locust import FastHttpUser
from locust.contrib.fasthttp import ResponseContextManager

from loadtest.checks import CheckFailed, HttpAnswer, is_refused_for_now
from loadtest.pacing import Schedule

#: Seconds from one task of a user to the next.
INTERVAL = 1.0
#: The timeout of a request; a synchronous order takes seconds.
PATIENCE_SECONDS = 30.0
NO_HEADERS: Mapping[str, str] = {}

T = TypeVar("T")


class Customer(FastHttpUser):
    """Performs one task per second; subclasses define the tasks."""

    abstract = True
    host = "http://127.0.0.1:8000"
    network_timeout = PATIENCE_SECONDS
    connection_timeout = PATIENCE_SECONDS

    def on_start(self) -> None:
        self.rng = random.Random()
        # Otherwise users who start together would send at the same moment every second.
        pause = self.rng.uniform(0, INTERVAL)
        self._schedule = Schedule(INTERVAL, time.monotonic() + pause)
        time.sleep(pause)

    def wait_time(self) -> float:
        return self._schedule.next(time.monotonic())

    @property
    def due(self) -> float:
        """When the current task should have begun (time.monotonic)."""
        return self._schedule.due

    def send(
        self,
        method: str,
        path: str,
        name: str,
        check: Callable[[HttpAnswer], T],
        *,
        body: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        due: float | None = None,
    ) -> T | None:
        """The result of `check`. None without a response, after a refusal, or after a failed check.

        A refusal is reported under a separate name. With `due`, the time since then is reported as
        well.
        """
        with self.client.request(
            method,
            path,
            name=name,
            data=body,
            headers=dict(headers),
            context={} if due is None else {"due": due},
            catch_response=True,
        ) as response:
            return _judged(response, name, check)


def _judged(
    response: ResponseContextManager, name: str, check: Callable[[HttpAnswer], T]
) -> T | None:
    if not response.status_code:
        # Locust itself reports a missing response.
        return None
    headers = cast(Mapping[str, str], response.headers)
    answer = HttpAnswer(response.status_code, headers, response.content or b"")
    if is_refused_for_now(answer):
        response.request_meta |= {"name": f"{name} (refused with 503)", "context": {}}
        response.success()
        return None
    try:
        checked = check(answer)
    except CheckFailed as failed:
        response.failure(str(failed))
        return None
    response.success()
    return checked
