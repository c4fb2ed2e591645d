"""Runs one scenario in one mode: places its orders, injects its faults, observes the effects."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orderctl.audit.effect_times import DoneAt
from orderctl.audit.facts import Answer as Accepted
from orderctl.audit.ledger import Ledger
from orderctl.audit.quiet import wait_until_quiet
from orderctl.compare.customers import CustomerAnswer, Customers, open_customer_client
from orderctl.compare.results import Mode, Moment
from orderctl.compare.scenarios import Action, Scenario
from orderctl.compare.target import FAULT_SECONDS, PATIENCE_SECONDS, Target
from orderctl.place.baskets import BasketTemplate, baskets
from orderctl.progress import Tell

#: After this long without activity, missing effects are not expected any more.
QUIET_SECONDS = 2.0


@dataclass(frozen=True)
class ObservedRun:
    """The observations of a run. `began`: the start of the schedule; `done`: by service."""

    scenario: Scenario
    mode: Mode
    began: datetime
    answers: Sequence[CustomerAnswer]
    moments: Sequence[Moment]
    done: Mapping[str, DoneAt]

    @property
    def placed(self) -> Sequence[CustomerAnswer]:
        return [answer for answer in self.answers if answer.is_placed]


@dataclass(frozen=True)
class ScenarioRunner:
    """`ledger`: stores every order whose placing was confirmed to its customer."""

    target: Target
    ledger: Ledger
    tell: Tell

    def run(self, scenario: Scenario, mode: Mode) -> ObservedRun:
        """Raises CommandError, also if a fault cannot be injected during the run."""
        self.target.reset(self.tell)
        moments = [Moment(0.0, self._act(action)) for action in scenario.before]
        # Give all services time to read the faults, and the customers' threads time to start.
        begin = time.monotonic() + FAULT_SECONDS
        began = datetime.now(UTC) + timedelta(seconds=FAULT_SECONDS)
        with self._during(scenario.meanwhile, begin):
            answers = self._place(scenario, mode, begin)
        moments += [Moment(action.at, action.what) for action in scenario.meanwhile]
        moments += self._end_faults(scenario, begin)
        return ObservedRun(scenario, mode, began, answers, moments, self._watch(answers))

    def _act(self, action: Action) -> str:
        self.target.faults.begin(action.service, action.fault)
        return action.what

    @contextmanager
    def _during(self, actions: Sequence[Action], begin: float) -> Iterator[None]:
        """Perform each action at its time, in the background. Raises their errors at the end."""
        with ThreadPoolExecutor(max(1, len(actions))) as threads:
            acting = [threads.submit(self._act_at, action, begin) for action in actions]
            yield
        for action in acting:
            action.result()

    def _act_at(self, action: Action, begin: float) -> None:
        time.sleep(max(0.0, begin + action.at - time.monotonic()))
        self._act(action)

    def _place(self, scenario: Scenario, mode: Mode, begin: float) -> Sequence[CustomerAnswer]:
        url = self.target.addresses.order_url
        with open_customer_client() as client:
            customers = Customers(client, url, mode, self._note)
            orders = baskets(BasketTemplate(), random.Random())
            return customers.place(orders, scenario.schedule, begin=begin, tell=self.tell)

    def _note(self, order_id: str, status: int) -> None:
        self.ledger.append(Accepted(order_id, status=status))

    def _end_faults(self, scenario: Scenario, begin: float) -> list[Moment]:
        if not scenario.before:
            return []
        time.sleep(scenario.linger)
        at = time.monotonic() - begin
        services = list(dict.fromkeys(action.service for action in scenario.before))
        for service in services:
            self.target.faults.clear(service)
        return [Moment(at, f"{service} recovers") for service in services]

    def _watch(self, answers: Sequence[CustomerAnswer]) -> Mapping[str, DoneAt]:
        """Wait until all services have done all placed orders, or nothing moves any more."""
        wanted = {answer.order_id for answer in answers if answer.is_placed}

        def is_all_done() -> bool:
            missing = {name: len(wanted - set(at)) for name, at in self.target.done().items()}
            if any(missing.values()):
                self.tell(f"waiting for {_to_do(missing)}")
            return not any(missing.values())

        quiet = self.target.quiet_time(QUIET_SECONDS)
        wait_until_quiet(self.target.probe, quiet, timeout=PATIENCE_SECONDS, is_enough=is_all_done)
        return self.target.done()


def _to_do(missing: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number} left)" for name, number in missing.items() if number)
