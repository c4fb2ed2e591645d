"""Starts a replay at a service and follows it until it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from orderctl.errors import CommandError, UsageError
from orderctl.http_client import ServiceClient, read_problem
from orderctl.output import command
from orderctl.progress import Tell, silent
from orderctl.settings import ConsumerAddresses
from shared.replay.shapes import DONE, RUNNING, Replay

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class ReplayAnswer:
    """A replay, and its JSON, which may have more fields from a newer service."""

    replay: Replay
    json: bytes


def exit_status(replay: Replay) -> int:
    return int(replay.state != DONE or replay.failed > 0)


class ReplayClient:
    """The replays of one service. Every method raises CommandError with what to do next."""

    def __init__(self, client: httpx.Client, addresses: ConsumerAddresses, service: str) -> None:
        url = addresses.find(service)
        if url is None:
            raise UsageError(
                f"{service} is unknown: name a consumer such as email, or set "
                f"{service.upper().replace('-', '_')}_URL to the address of your own service."
            )
        if addresses.operator_token is None:
            raise UsageError(
                "A replay needs the operator token: set OPERATOR_TOKEN to the one that the "
                "service was started with."
            )
        self._service = ServiceClient(client, service, url, addresses.operator_token)

    def begin(self, request: dict[str, Any]) -> ReplayAnswer:
        # A retry could start a second replay.
        return self._read(self._service.ask("POST", "/replays", request, again=False))

    def find(self, replay_id: str) -> ReplayAnswer:
        return self._read(self._service.ask("GET", f"/replays/{quote(replay_id, safe='')}"))

    def follow(
        self,
        answer: ReplayAnswer,
        *,
        timeout: float,
        tell: Tell = silent,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> ReplayAnswer:
        """Wait until it has ended. Raises CommandError after `timeout` seconds."""
        name, deadline = self._service.name, clock() + timeout
        while answer.replay.state == RUNNING:
            tell(f"{name}: {_so_far(answer.replay)}")
            if clock() >= deadline:
                again = command(f"replay {name} --follow {answer.replay.id}")
                raise CommandError(
                    f"Replay {answer.replay.id} of {name} is still running after {timeout:g} s. "
                    f"To continue watching: {again}"
                )
            sleep(POLL_SECONDS)
            answer = self.find(answer.replay.id)
        return answer

    def _read(self, response: httpx.Response) -> ReplayAnswer:
        if not response.is_success:
            raise _refused(self._service.name, response)
        return ReplayAnswer(self._service.read(response, Replay), response.content)


def _refused(service: str, response: httpx.Response) -> CommandError:
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return UsageError(
            f"{service} rejects this OPERATOR_TOKEN: set it to the one that the service was "
            "started with."
        )
    problem = read_problem(response)
    detail = f"run {command('doctor')} to find the cause" if problem is None else problem.detail
    message = f"{service} refused the request ({response.status_code}): {detail}"
    is_wrong_use = response.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    return UsageError(message) if is_wrong_use else CommandError(message)


def _so_far(replay: Replay) -> str:
    done = replay.applied + replay.rewritten
    return f"{replay.seen:,} events seen, {done:,} applied or rewritten, {replay.failed:,} failed"
