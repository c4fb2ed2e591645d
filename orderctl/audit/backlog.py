"""Takes a snapshot of where messages are: outbox, queues, retry ladder, consumers."""

from dataclasses import dataclass

import httpx
import msgspec

from orderctl.ask_again import ask_again
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.audit.far_ends import newest_order
from orderctl.audit.quiet import BacklogSnapshot
from orderctl.errors import EvidenceUnreadable
from orderctl.health import Health, together
from orderctl.replicas import Replicas, replicas
from orderctl.settings import Addresses
from shared.errors import BrokerUnavailable, DocumentError
from shared.http.documents import read_document
from shared.transport import Broker, Depth


class _Outbox(msgspec.Struct):
    """`running`: synchronous orders in progress."""

    pending: int
    running: int = 0


@dataclass(frozen=True)
class BacklogProbe:
    """Asks the order service, the broker and every process of every consumer.

    Raises EvidenceUnreadable.
    """

    addresses: Addresses
    client: httpx.Client
    broker: Broker
    replicas: Replicas = replicas

    def __call__(self) -> BacklogSnapshot:
        addresses = self.addresses
        order = EvidenceClient(self.client, "order", addresses.order_url, addresses.operator_token)
        newest = newest_order(order)
        outbox = order.get("/outbox", _Outbox)
        depths = {name: self._depth(name) for name in addresses.consumers}
        health = {name: self._service(name, addresses.of(name)) for name in depths}
        return BacklogSnapshot(
            outbox=outbox.pending,
            running=outbox.running,
            depths=depths,
            unsettled={name: _held(state) for name, state in health.items()},
            newest_order=newest,
            problems=tuple(self._problems(outbox.pending, health)),
        )

    def _depth(self, service: str) -> Depth:
        try:
            return self.broker.depth(service)
        except BrokerUnavailable as error:
            raise EvidenceUnreadable(
                f"the queue of {service} cannot be read ({error}): start the broker, or set "
                "BROKER_URL to its address, then run the audit again."
            ) from error

    def _service(self, name: str, url: str) -> Health | None:
        """The combined health of its processes; None if none is running."""
        states = [self._health(name, each) for each in self.replicas(url)]
        return together([state for state in states if state])

    def _health(self, name: str, url: str) -> Health | None:
        """The health of a process, ready or not; None if it is not running."""
        path = f"{url.rstrip('/')}/health/ready"
        try:
            response = ask_again(lambda: self.client.get(path))
            return read_document(response.content, Health)
        except httpx.ConnectError:
            return None
        except (httpx.HTTPError, DocumentError) as error:
            raise EvidenceUnreadable(
                f"{name} is running at {url} but does not report its deliveries in flight "
                f"({error or type(error).__name__}): check its log, then run the audit again."
            ) from error

    def _problems(self, pending: int, health: dict[str, Health | None]) -> list[str]:
        if pending:
            relay = self._health("order-relay", self.addresses.relay_url)
            health = {"order-relay": relay, **health}
        return [
            f"{name}: {state.reason if state else 'not running'}"
            for name, state in health.items()
            if state is None or not state.ready
        ]


def _held(state: Health | None) -> int | None:
    return None if state is None else state.unsettled
