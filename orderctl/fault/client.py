"""Asks services to be in trouble, and not to be any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from orderctl.ask_again import ask_again
from orderctl.errors import CommandError, UsageError
from orderctl.http_client import bearer
from orderctl.settings import FaultAddresses
from shared.errors import DocumentError
from shared.http.documents import read_document


class Fault(msgspec.Struct, frozen=True, rename="camel"):
    """`seconds_left`: None for one that stays until it is cleared."""

    kind: str
    value: str
    seconds_left: float | None = None


class _Faults(msgspec.Struct):
    faults: tuple[Fault, ...]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class FaultsOff(CommandError):
    """The service does not do this, unless it is started to."""


@dataclass(frozen=True)
class FaultClient:
    client: httpx.Client
    addresses: FaultAddresses

    def begin(self, service: str, wish: Mapping[str, Any]) -> Sequence[Fault]:
        return self._ask(service, "POST", wish)

    def clear(self, service: str) -> Sequence[Fault]:
        return self._ask(service, "DELETE")

    def show(self, service: str) -> Sequence[Fault]:
        return self._ask(service, "GET")

    def _ask(self, service: str, method: str, wish: Any = None) -> Sequence[Fault]:
        """The faults that hold now. Raises FaultsOff, UsageError, CommandError.

        What was asked for before may be killing the service just then. Asked for again, a fault
        takes the place of the same one.
        """
        url = self.addresses.of(service).rstrip("/")
        token = self.addresses.operator_token
        headers = bearer(token) if token else {}
        try:
            answer = ask_again(
                lambda: self.client.request(method, f"{url}/faults", json=wish, headers=headers)
            )
            _expect_ok(service, url, answer)
            return read_document(answer.content, _Faults).faults
        except (httpx.HTTPError, httpx.InvalidURL, DocumentError) as error:
            raise CommandError(
                f"{service} does not answer at {url} ({str(error) or type(error).__name__}): "
                f"start it, or set {service.upper()}_URL to where it is."
            ) from error


def _expect_ok(service: str, url: str, answer: httpx.Response) -> None:
    if answer.is_success:
        return
    status, said = answer.status_code, _problem(answer)
    if status == httpx.codes.FORBIDDEN:
        raise FaultsOff(f"{service} at {url} causes no faults: {said}")
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        raise UsageError(f"{service} takes no such fault: {said}")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND):
        said = "set OPERATOR_TOKEN, there and here, to the same secret"
    raise CommandError(f"{service} at {url} answers {status}: {said}")


def _problem(answer: httpx.Response) -> str:
    try:
        problem = read_document(answer.content, _Problem)
    except DocumentError:
        return answer.reason_phrase
    return problem.detail or problem.title
