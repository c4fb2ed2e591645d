"""Emails per second at 2 s of simulated work, compared with the limit of the threads."""

from functools import partial

from bench.orders import fill_queue
from bench.rounds import Goal, RoundRow, Tell, alternate, compare
from bench.testbed import Testbed, committed, execute, rate, scalar, wait_for
from orderctl.stack.stack import Stack
from services.email.settings import EmailSettings

WORK_SECONDS = 2.0
CONCURRENCY = int(EmailSettings.model_fields["concurrency"].default)
#: Each thread sends one email during start-up, then five that count.
WAVES = 6
COUNT = WAVES * CONCURRENCY
AT_BEST = CONCURRENCY / WORK_SECONDS


def measure(testbed: Testbed, rounds: int, tell: Tell) -> list[RoundRow]:
    with testbed.stack("mailing", {"email": WORK_SECONDS}) as stack:
        stack.start("mail_sink")
        stack.wait_ready(["mail_sink"])
        [ours] = alternate(
            rounds, [partial(_mail, stack)], tell, lambda found: f"{found:.2f} mails/s"
        )
    name = f"mails at {WORK_SECONDS:g} s of work, {CONCURRENCY} at a time"
    at_best = [AT_BEST] * rounds
    return [compare(name, "concurrency divided by work time", ours, at_best, Goal(0.9))]


def _mail(stack: Stack) -> float:
    database_url = stack.plan.database_urls("email")
    fill_queue(stack.plan.broker_url, "email", COUNT)
    stack.start("email")
    wait_for(
        lambda: scalar(database_url, "SELECT count(*) FROM inbox WHERE state = 'done'") == COUNT,
        "all mails sent",
    )
    times = committed(database_url, "event_id", "inbox").values()
    stack.stop("email")
    execute(database_url, "TRUNCATE inbox")
    return rate(times, CONCURRENCY)
