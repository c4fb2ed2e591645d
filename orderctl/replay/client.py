"""Asks a service for a replay, and watches it until it has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from orderctl.errors import CommandError, UsageError
from orderctl.http_client import bearer
from orderctl.output import command
from orderctl.progress import Tell, silent
from orderctl.settings import ConsumerAddresses
from shared.errors import DocumentError
from shared.http.documents import read_document

RUNNING = "running"
DONE = "done"
POLL_SECONDS = 0.2


class ReplayFailure(msgspec.Struct, rename="camel"):
    position: str
    event_id: str
    reason: str


class Replay(msgspec.Struct, rename="camel"):
    """What a service says of a replay; the counts are explained in `report`."""

    id: str
    state: str
    start: str = msgspec.field(name="from")
    end: str | None = msgspec.field(name="to", default=None)
    does: str = ""
    reason: str | None = None
    dry_run: bool = False
    resend: bool = False
    seen: int = 0
    applied: int = 0
    already_applied: int = 0
    rewritten: int = 0
    ignored: int = 0
    failed: int = 0
    failures: tuple[ReplayFailure, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        return int(self.state != DONE or self.failed > 0)


class _Problem(msgspec.Struct):
    detail: str = ""


@dataclass(frozen=True)
class ReplayAnswer:
    """A replay, and the JSON in which it came, with whatever a newer service may have added."""

    replay: Replay
    json: bytes


class ReplayClient:
    """The replays of one service. Every verb raises CommandError, which says what to do next."""

    def __init__(self, client: httpx.Client, addresses: ConsumerAddresses, service: str) -> None:
        self._client = client
        self._service = service
        url = addresses.find(service)
        if url is None:
            raise UsageError(
                f"orderctl knows no service {service}: name a consumer, as email, or set "
                f"{service.upper().replace('-', '_')}_URL to where yours is."
            )
        if addresses.operator_token is None:
            raise UsageError(
                "A replay is for operators: set OPERATOR_TOKEN to the one that the service was "
                "started with."
            )
        self._url = url.rstrip("/")
        self._headers = bearer(addresses.operator_token)

    def begin(self, wish: dict[str, Any]) -> ReplayAnswer:
        return self._ask("POST", "/replays", wish)

    def find(self, replay_id: str) -> ReplayAnswer:
        return self._ask("GET", f"/replays/{quote(replay_id, safe='')}")

    def follow(
        self,
        answer: ReplayAnswer,
        *,
        timeout: float,
        tell: Tell = silent,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> ReplayAnswer:
        """Until it has ended. Raises CommandError when that takes longer than `timeout`."""
        deadline = clock() + timeout
        while answer.replay.state == RUNNING:
            tell(f"{self._service}: {_so_far(answer.replay)}")
            if clock() >= deadline:
                again = command(f"replay {self._service} --follow {answer.replay.id}")
                raise CommandError(
                    f"Replay {answer.replay.id} of {self._service} still runs after "
                    f"{timeout:g} s, and goes on: {again} looks again."
                )
            sleep(POLL_SECONDS)
            answer = self.find(answer.replay.id)
        return answer

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> ReplayAnswer:
        try:
            response = self._client.request(
                method, self._url + path, json=body, headers=self._headers
            )
            if not response.is_success:
                raise self._refused(response)
            return ReplayAnswer(read_document(response.content, Replay), response.content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommandError(
                f"{self._service} does not answer at {self._url} "
                f"({str(error) or type(error).__name__}): start it, or set "
                f"{self._service.upper()}_URL to where it is."
            ) from error
        except DocumentError as error:
            raise CommandError(
                f"What answers at {self._url} is not {self._service} ({error}): set "
                f"{self._service.upper()}_URL to where it is."
            ) from error

    def _refused(self, response: httpx.Response) -> CommandError:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return UsageError(
                f"{self._service} does not take this OPERATOR_TOKEN: set it to the one that the "
                "service was started with."
            )
        detail = _detail(response)
        error = UsageError if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY else None
        said = f"{self._service} refuses ({response.status_code}): {detail}"
        return error(said) if error else CommandError(said)


def _detail(response: httpx.Response) -> str:
    try:
        return read_document(response.content, _Problem).detail
    except DocumentError:
        return f"{command('doctor')} says what is wrong"


def _so_far(replay: Replay) -> str:
    done = replay.applied + replay.rewritten
    return f"{replay.seen:,} events seen, {done:,} applied or rewritten, {replay.failed:,} failed"
