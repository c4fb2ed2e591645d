"""The shop under comparison: a running one, or one that is started for the purpose."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from orderctl.audit.backlog import BacklogProbe
from orderctl.audit.effect_times import DoneAt, read_done
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.audit.quiet import QuietTime, wait_until_quiet
from orderctl.demo_folder import claimed
from orderctl.errors import CommandError
from orderctl.fault.client import FaultClient
from orderctl.http_client import open_client
from orderctl.progress import Tell
from orderctl.settings import Addresses
from orderctl.stack.parts import WORK_TIMES
from orderctl.stack.stack import Stack
from orderctl.stack.startup import brought_up, expect_usable
from shared.errors import SettingsError
from shared.settings import load
from shared.transport import connect
from shop.consumers import CONSUMERS

#: For databases and logs of our own shop.
FOLDER = Path(".compare")
#: Seconds between attempts: short, so that an order that fails several times does not hold up the
#: whole scenario for half a minute.
LADDER = (1.0, 2.0, 4.0)
#: Longer than the interval at which services read their faults.
FAULT_SECONDS = 0.3
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Target:
    """All access of a comparison to a shop."""

    addresses: Addresses
    client: httpx.Client
    probe: BacklogProbe
    faults: FaultClient

    def done(self) -> Mapping[str, DoneAt]:
        """When each effect was applied, by service and order id."""
        token = self.addresses.operator_token
        return {
            name: read_done(EvidenceClient(self.client, name, self.addresses.of(name), token))
            for name in self.addresses.consumers
        }

    def reset(self, tell: Tell) -> None:
        """Clear all faults and wait until nothing moves any more. Raises CommandError."""
        for name in CONSUMERS:
            self.faults.clear(name)
        ended = wait_until_quiet(
            self.probe, self.quiet_time(0.0), timeout=PATIENCE_SECONDS, tell=tell
        )
        if not ended.reached:
            raise CommandError(
                f"The shop is still busy after {PATIENCE_SECONDS:g} s "
                f"({'; '.join(ended.reasons)}): run orderctl doctor to find the cause."
            )

    def quiet_time(self, seconds: float) -> QuietTime:
        return QuietTime(seconds, self.addresses.retry_ladder)


@contextmanager
def open_shop(addresses: Addresses) -> Iterator[Target]:
    """The shop at these addresses. Raises CommandError if it does not allow faults."""
    broker = connect(addresses.broker_url, addresses.retry_ladder)
    with open_client() as client:
        faults = FaultClient(client, addresses)
        for name in CONSUMERS:
            # Fail before measuring anything if the shop does not allow faults.
            faults.show(name)
        yield Target(addresses, client, BacklogProbe(addresses, client, broker), faults)


def running_shop() -> Addresses | None:
    """The addresses from the environment or the running demo; None without either."""
    try:
        return load(Addresses)
    except SettingsError:
        return None


@contextmanager
def shop_of_our_own(broker_url: str | None, scale: float, say: Tell) -> Iterator[Addresses]:
    """Run a whole system on this machine, with all simulated times multiplied by `scale`."""
    if broker_url:
        expect_usable(broker_url)
    work_times = {name: seconds * scale for name, seconds in WORK_TIMES.items()}
    ladder = tuple(rung * scale for rung in LADDER)
    with (
        claimed(FOLDER),
        Stack(
            FOLDER, broker_url=broker_url, ladder=ladder, work_times=work_times, faults_allowed=True
        ) as stack,
        brought_up(stack, say),
    ):
        yield stack.addresses
