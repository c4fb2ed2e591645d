"""Runs the whole load test: starts the system, runs locust, audits, stops."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loadtest.locust_process import LEDGER, RESULTS, Locust
from loadtest.outcome import LoadOutcome, LoadPlan
from loadtest.results import read_results
from orderctl.audit.audit import Options, Result, run_audit
from orderctl.demo_folder import claimed, write_environment
from orderctl.progress import Tell, progress
from orderctl.stack.parts import WORK_TIMES
from orderctl.stack.stack import Stack
from orderctl.stack.startup import expect_usable

#: With the demo's times (2 s per email), the services would need minutes for the backlog of a
#: burst. A twentieth of that still builds a backlog, but the system is quiet soon afterwards.
TIMES_FASTER = 20.0
#: For the backlog, and for the quiet time after it.
AUDIT_SECONDS = 90.0

#: Starts every part of the system; a test replaces one of them.
Start = Callable[[Stack], None]


def load_test(plan: LoadPlan, say: Tell, *, start: Start = Stack.start_all) -> LoadOutcome:
    """Raises CommandError if the system or locust does not start or does not end."""
    with _system(plan, say, start) as stack:
        say(
            f"{plan.users} users for {plan.seconds:g} s, each with one task per second, and ten "
            "times as many in a burst …"
        )
        with progress() as tell:
            status = Locust(plan, stack.urls["order"]).run(tell)
        lines = read_results(plan.folder / RESULTS)
        say("The audit waits until nothing moves, then compares every order with its effects.")
        audit = _audit(stack, plan)
        outcome = LoadOutcome(plan, lines, status, audit.audit.promised, audit)
        say("Stopping everything …")
    return outcome


def _audit(stack: Stack, plan: LoadPlan) -> Result:
    options = Options(ledger=plan.folder / LEDGER, strict=True, timeout=AUDIT_SECONDS)
    with progress() as tell:
        return run_audit(stack.addresses, options, tell=tell)


@contextmanager
def _system(plan: LoadPlan, say: Tell, start: Start) -> Iterator[Stack]:
    """Run the whole system, ready, on free ports, so that a demo may run at the same time."""
    if plan.broker_url:
        expect_usable(plan.broker_url)
    work_times = {name: seconds / TIMES_FASTER for name, seconds in WORK_TIMES.items()}
    stack = Stack(plan.folder, broker_url=plan.broker_url, work_times=work_times)
    with claimed(plan.folder), stack:
        say(f"Starting the system, with logs in {plan.folder}/ …")
        began = time.monotonic()
        stack.setup()
        start(stack)
        stack.wait_ready()
        write_environment(stack.folder, stack.plan.common())
        say(f"All is ready after {time.monotonic() - began:.1f} s.")
        yield stack
