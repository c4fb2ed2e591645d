"""What every user does: keep a schedule, send, check, and tell failures from refusals."""

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
#: An order that is done by calls takes seconds; nobody waits longer than this.
PATIENCE_SECONDS = 30.0
NO_HEADERS: Mapping[str, str] = {}

T = TypeVar("T")


class Customer(FastHttpUser):
    """One task a second, whatever the tasks of a subclass are."""

    abstract = True
    host = "http://127.0.0.1:8000"
    network_timeout = PATIENCE_SECONDS
    connection_timeout = PATIENCE_SECONDS

    def on_start(self) -> None:
        self.rng = random.Random()
        # Users who start together would otherwise send together, every second.
        pause = self.rng.uniform(0, INTERVAL)
        self._schedule = Schedule(INTERVAL, time.monotonic() + pause)
        time.sleep(pause)

    def wait_time(self) -> float:
        return self._schedule.next(time.monotonic())

    @property
    def due(self) -> float:
        """When the present task should have begun, on the clock time.monotonic."""
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
        """What `check` makes of the answer. None when there is no answer, or it refuses, which is
        reported under a name of its own, or the check fails, and with it the request.

        With `due`, the time from then is reported as well.
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
        # Nobody answered, and locust knows why: it reports that itself.
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
