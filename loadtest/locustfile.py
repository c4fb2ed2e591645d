"""The load test. From the root of the checkout, with a running system:

    locust -f loadtest/locustfile.py

Then open http://127.0.0.1:8089. Or without the page, and with sync instead of async orders:

    locust -f loadtest/locustfile.py --headless --users 10 --run-time 60s --tags sync lookup bad
"""

from argparse import Namespace
from pathlib import Path
from typing import Any, cast

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.event import EventHook
from locust.runners import MasterRunner, Runner

from loadtest.ledger import Ledger
from loadtest.listeners import counting_from_when_due, noting
from loadtest.pacing import BURST, users_at
from loadtest.shopper import Shopper

__all__ = ["Burst", "Shopper"]

ACCEPTED = ".loadtest/accepted.ndjson"
USERS = 10
SECONDS = 60
#: These tags are excluded by default.
NOT_UNLESS_ASKED_FOR = ("sync", "parallel")
#: Time for stopping users to finish their task, so that no response is lost.
STOP_SECONDS = 30.0


class Burst(LoadTestShape):
    """--users, ten times as many for some seconds, and --users again, in --run-time."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        options = _options(cast(Runner, self.runner).environment)
        elapsed: float = self.get_run_time()  # type: ignore[no-untyped-call]
        users = users_at(elapsed, users=options.num_users, seconds=options.run_time)
        # They come and go within a second, all of them.
        return None if users is None else (users, BURST * options.num_users)


def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--accepted",
        default=ACCEPTED,
        env_var="LOCUST_ACCEPTED",
        include_in_web_ui=False,
        help="The ledger: a file to which every order that was answered 202 or 201 is added, for "
        f"orderctl audit --accepted FILE. By default {ACCEPTED}. Take a new one, or remove it, "
        "when the system has forgotten the orders in it.",
    )


def prepare(environment: Environment, **_more: Any) -> None:
    """Fill in what was not said, and listen to requests where these are sent."""
    options = _options(environment)
    options.num_users = options.num_users or USERS
    options.run_time = options.run_time or SECONDS
    if not options.tags:
        options.exclude_tags = [*(options.exclude_tags or ()), *NOT_UNLESS_ASKED_FOR]
    environment.stop_timeout = environment.stop_timeout or STOP_SECONDS
    if not isinstance(environment.runner, MasterRunner):
        _listen(environment.events.request, Ledger(Path(options.accepted)))


def _listen(requests: EventHook, ledger: Ledger) -> None:
    requests.add_listener(noting(ledger))
    requests.add_listener(counting_from_when_due(requests.fire))


def _options(environment: Environment) -> Namespace:
    return cast(Namespace, environment.parsed_options)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
