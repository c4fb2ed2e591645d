"""What to try next: while the demo keeps running, and after it has stopped."""

import shlex

from orderctl.demo.demo import LEDGER, DemoPlan
from orderctl.demo_folder import DEFAULT_FOLDER
from orderctl.output import command
from orderctl.stack.stack import Stack


def while_running(stack: Stack, plan: DemoPlan) -> str:
    urls = stack.urls
    pages = {
        f"{urls['order']}/orders/ORDER_ID/journey": "each service's progress with an order",
        f"{urls['mail_sink']}/": "the emails that arrived, also in a browser",
        f"{urls['sms_gateway']}/messages": "the text messages",
        f"{urls['inventory']}/stock/prod-456": "the remaining stock of a product",
    }
    lines = "\n".join(f"  curl {url:<53}  # {what}" for url, what in pages.items())
    ledger = shlex.quote(str(plan.folder / LEDGER))
    folder = shlex.quote(str(plan.folder))
    prefix = "" if plan.folder == DEFAULT_FOLDER else f"DEMO_FOLDER={folder} "
    return f"""
Everything keeps running until you press Ctrl-C. To watch, place orders and inject faults, open

  {urls["dashboard"]}

and, when the page asks for it, enter the operator token: {stack.plan.operator_token}
To place an order from another terminal:

  curl -i {urls["order"]}/orders -H 'Content-Type: application/json' -d '{{
    "userId": "usr-123",
    "items": [{{"productId": "prod-456", "quantity": 2, "price": 49.99}}]}}'

To follow it, with the orderId of the response:

{lines}

To place many orders, keep the responses in a file, and check that none of them was lost:

  {prefix}{command(f"place --count 50 --accepted {ledger}")}
  {prefix}{command(f"audit --accepted {ledger}")}
  {prefix}{command("dlq list")}
"""


def after_demo() -> str:
    steps = {
        command("demo --keep"): "keep it running: watch it on a page, and inject faults there",
        command("compare"): "measure it against synchronous calls (4 minutes)",
    }
    width = max(map(len, steps))
    lines = "\n".join(f"  {words:<{width}}  # {what}" for words, what in steps.items())
    return f"\nNext:\n\n{lines}\n\nTo learn how it works, start with docs/workshop/README.md."
