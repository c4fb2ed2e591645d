"""Begins, shows and clears faults of services over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from orderctl.errors import CommandError, UsageError
from orderctl.http_client import ServiceClient, read_problem
from orderctl.settings import FaultAddresses


class Fault(msgspec.Struct, frozen=True, rename="camel"):
    """`seconds_left`: None for one that stays until it is cleared."""

    kind: str
    value: str
    seconds_left: float | None = None


class _Faults(msgspec.Struct):
    faults: tuple[Fault, ...]


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
        addresses = self.addresses
        asked = ServiceClient(self.client, service, addresses.of(service), addresses.operator_token)
        answer = asked.ask(method, "/faults", wish)
        _expect_ok(asked, answer)
        return asked.read(answer, _Faults).faults


def _expect_ok(service: ServiceClient, answer: httpx.Response) -> None:
    if answer.is_success:
        return
    status, said = answer.status_code, _reason(answer)
    if status == httpx.codes.FORBIDDEN:
        raise FaultsOff(f"{service.name} at {service.url} causes no faults: {said}")
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        raise UsageError(f"{service.name} takes no such fault: {said}")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND):
        said = "set OPERATOR_TOKEN, there and here, to the same secret"
    raise CommandError(f"{service.name} at {service.url} answers {status}: {said}")


def _reason(answer: httpx.Response) -> str:
    problem = read_problem(answer)
    return answer.reason_phrase if problem is None else problem.detail or problem.title
