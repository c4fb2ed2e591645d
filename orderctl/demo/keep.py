"""What the demo does after the show, when it is told to keep everything running."""

import shlex
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from orderctl.demo.demo import LEDGER, DemoPlan
from orderctl.demo_folder import DEFAULT_FOLDER
from orderctl.output import command
from orderctl.progress import Tell
from orderctl.stack.stack import Stack

POLL_SECONDS = 0.5
#: Long enough to place an order and to see it wait.
RESTART_SECONDS = 15.0


def how_to_go_on(stack: Stack, plan: DemoPlan) -> str:
    urls = stack.urls
    looks = {
        f"{urls['order']}/orders": "every order",
        f"{urls['email']}/orders/ORDER_ID": "what email did for one",
        f"{urls['mail_sink']}/": "the mails that arrived, also in a browser",
        f"{urls['sms_gateway']}/messages": "the texts",
        f"{urls['inventory']}/stock/prod-456": "what is left of a product",
    }
    lines = "\n".join(f"  curl {url:<42}  # {what}" for url, what in looks.items())
    ledger = shlex.quote(str(plan.folder / LEDGER))
    folder = shlex.quote(str(plan.folder))
    prefix = "" if plan.folder == DEFAULT_FOLDER else f"DEMO_FOLDER={folder} "
    return f"""
Everything goes on running until you press Ctrl-C. Watch it, place orders and break things at

  {urls["dashboard"]}

which asks you for the operators' token once: {stack.plan.operator_token}
In another terminal:

  curl -i {urls["order"]}/orders -H 'Content-Type: application/json' -d '{{
    "userId": "usr-123",
    "items": [{{"productId": "prod-456", "quantity": 2, "price": 49.99}}]}}'

places an order. See what becomes of it:

{lines}

  {prefix}{command(f"place --count 50 --accepted {ledger}")}
  {prefix}{command(f"audit --accepted {ledger}")}
  {prefix}{command("dlq list")}
"""


def keep_running(stack: Stack, say: Tell) -> None:
    """Until Ctrl-C, start again what somebody ends."""
    restarts = PartRestarts(stack.start, say)
    with suppress(KeyboardInterrupt):
        while True:
            restarts.look(set(stack.urls) - set(stack.running))
            time.sleep(POLL_SECONDS)
    say("")


class PartRestarts:
    """Starts a part that has ended, after a while in which the others can be seen to go on."""

    def __init__(
        self,
        start: Callable[[str], object],
        say: Tell,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._say = say
        self._clock = clock
        self._due: dict[str, float] = {}

    def look(self, ended: Iterable[str]) -> None:
        for name in ended:
            if name not in self._due:
                self._due[name] = self._clock() + RESTART_SECONDS
                self._say(f"{name} has ended, and starts again in {RESTART_SECONDS:g} s.")
            elif self._clock() >= self._due[name]:
                del self._due[name]
                self._start(name)
                self._say(f"{name} starts again.")
