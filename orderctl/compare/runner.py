"""Runs one scenario in one mode: the orders come, things happen, and it is watched."""

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
from orderctl.compare.customers import CustomerAnswer, Customers, open_shop_door
from orderctl.compare.results import Mode, Moment
from orderctl.compare.scenarios import Action, Scenario
from orderctl.compare.target import FAULT_SECONDS, PATIENCE_SECONDS, Target
from orderctl.place.baskets import BasketTemplate, baskets
from orderctl.progress import Tell

#: So long nothing may move before what is not done counts as something that does not come.
REST_SECONDS = 2.0


@dataclass(frozen=True)
class ObservedRun:
    """What was seen. `began`: when the schedule did; `done`: by service and order id."""

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
    """`ledger` takes every order that a customer was told is placed."""

    target: Target
    ledger: Ledger
    tell: Tell

    def run(self, scenario: Scenario, mode: Mode) -> ObservedRun:
        """Raises CommandError, also for a fault that could not be begun while orders came."""
        self.target.calm_down(self.tell)
        moments = [Moment(0.0, self._act(action)) for action in scenario.before]
        # A moment for all services to notice, and for the threads of the customers to be there.
        begin = time.monotonic() + FAULT_SECONDS
        began = datetime.now(UTC) + timedelta(seconds=FAULT_SECONDS)
        with self._happening(scenario.meanwhile, begin):
            answers = self._place(scenario, mode, begin)
        moments += [Moment(action.at, action.what) for action in scenario.meanwhile]
        moments += self._end_faults(scenario, begin)
        return ObservedRun(scenario, mode, began, answers, moments, self._watch(answers))

    def _act(self, action: Action) -> str:
        self.target.faults.begin(action.service, action.fault)
        return action.what

    @contextmanager
    def _happening(self, actions: Sequence[Action], begin: float) -> Iterator[None]:
        """While this lasts, each action at its time; raises what one of them raised."""
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
        with open_shop_door() as client:
            customers = Customers(client, url, mode, self._note)
            orders = baskets(BasketTemplate(), random.Random())
            return customers.come(orders, scenario.schedule, begin=begin, tell=self.tell)

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
        return [Moment(at, f"{service} is well again") for service in services]

    def _watch(self, answers: Sequence[CustomerAnswer]) -> Mapping[str, DoneAt]:
        """Until every placed order is done by everybody, or nothing moves any more."""
        wanted = {answer.order_id for answer in answers if answer.is_placed}

        def is_all_done() -> bool:
            missing = {name: len(wanted - set(at)) for name, at in self.target.done().items()}
            if any(missing.values()):
                self.tell(f"waiting for {_to_do(missing)}")
            return not any(missing.values())

        rest = self.target.quiet_time(REST_SECONDS)
        wait_until_quiet(self.target.probe, rest, timeout=PATIENCE_SECONDS, is_enough=is_all_done)
        return self.target.done()


def _to_do(missing: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number} to do)" for name, number in missing.items() if number)
