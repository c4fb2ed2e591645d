"""Starts, shows and clears injected faults over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from orderctl.errors import CommandError, UsageError
from orderctl.http_client import ServiceClient, read_problem
from orderctl.settings import FaultAddresses
from shared.faults.shapes import ActiveFault, ActiveFaults


class FaultsOff(CommandError):
    """The service was started without FAULTS_ALLOWED."""


@dataclass(frozen=True)
class FaultClient:
    client: httpx.Client
    addresses: FaultAddresses

    def begin(self, service: str, faults: Mapping[str, Any]) -> Sequence[ActiveFault]:
        return self._ask(service, "POST", faults)

    def clear(self, service: str) -> Sequence[ActiveFault]:
        return self._ask(service, "DELETE")

    def show(self, service: str) -> Sequence[ActiveFault]:
        return self._ask(service, "GET")

    def _ask(self, service: str, method: str, faults: Any = None) -> Sequence[ActiveFault]:
        """The active faults. Raises FaultsOff, UsageError, CommandError.

        Retrying is safe, since a fault replaces an earlier one of its kind. It is needed because
        an earlier fault may crash the service during this request.
        """
        addresses = self.addresses
        client = ServiceClient(
            self.client, service, addresses.of(service), addresses.operator_token
        )
        response = client.ask(method, "/faults", faults)
        _expect_ok(client, response)
        return client.read(response, ActiveFaults).faults


def _expect_ok(service: ServiceClient, response: httpx.Response) -> None:
    if response.is_success:
        return
    status, reason = response.status_code, _reason(response)
    if status == httpx.codes.FORBIDDEN:
        raise FaultsOff(f"{service.name} at {service.url} does not inject faults: {reason}")
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        raise UsageError(f"{service.name} rejected the fault: {reason}")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND):
        reason = "set OPERATOR_TOKEN to the same secret for the service and for orderctl"
    raise CommandError(f"{service.name} at {service.url} responded with {status}: {reason}")


def _reason(response: httpx.Response) -> str:
    problem = read_problem(response)
    return response.reason_phrase if problem is None else problem.detail or problem.title
