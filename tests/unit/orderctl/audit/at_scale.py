"""`python -m tests.unit.orderctl.audit.at_scale N` audits N fake orders and prints the peak memory.

The fake downstream systems generate each page on request, so that only the audit uses memory.
"""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec

from orderctl.audit.collector import Collector
from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.judge import judge
from orderctl.audit.unfinished import finished_or_not
from orderctl.audit.verdict import Audit, Verdict
from tests.unit.orderctl.audit.far_ends import PORTS, FakeBroker, addresses, json

ITEMS = [
    {"productId": "prod-101", "quantity": 2, "price": 49.99},
    {"productId": "prod-118", "quantity": 1, "price": 9.99},
]
TEXT = "2 x prod-101 at 49.99 = 99.98 1 x prod-118 at 9.99 = 9.99 Total: EUR 109.97"
AT = "2026-03-04T12:00:30Z"
MINUTE = 29543760

#: Kilobytes; small, so that a few thousand orders fill it.
CACHE = 500

Row = Callable[[int], dict[str, Any]]


def order(number: int) -> dict[str, Any]:
    row = {"orderId": f"ord-{number:032x}", "eventId": event(number), "userId": "usr-1"}
    return row | {"items": ITEMS, "totalAmount": 109.97, "status": "accepted", "placedAt": AT}


def event(number: int) -> str:
    # As random as real event ids, so not in the order of the orders.
    return f"{hash((number, 'event')) & (2**64 - 1):032x}"


def mail(number: int) -> dict[str, Any]:
    order_id = f"ord-{number:032x}"
    return {
        "ID": str(number),
        "MessageID": f"{event(number)}@orders.example",
        "From": {"Address": "confirmations@orders.example"},
        "To": [{"Address": "usr-1@example.com"}],
        "Subject": f"Your order {order_id}",
        "Snippet": f"Thank you for your order {order_id}: {TEXT}",
    }


def text(number: int) -> dict[str, Any]:
    words = f"Your order ord-{number:032x} for €109.97 is confirmed."
    return {"id": number, "idempotencyKey": event(number), "to": "usr-1", "text": words}


def movements(number: int) -> Iterator[dict[str, Any]]:
    ids = {"eventId": event(number), "orderId": f"ord-{number:032x}"}
    for item in ITEMS:
        pieces = {"requested": item["quantity"], "moved": item["quantity"], "backordered": 0}
        yield ids | {"productId": item["productId"]} | pieces


def fact(number: int) -> dict[str, Any]:
    items = [
        {"productId": "prod-101", "quantity": 2, "revenue": 99.98},
        {"productId": "prod-118", "quantity": 1, "revenue": 9.99},
    ]
    ids = {"eventId": event(number), "orderId": f"ord-{number:032x}"}
    return ids | {"totalAmount": 109.97, "minute": MINUTE, "items": items}


def far_ends(many: int) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        [name] = [name for name, port in PORTS.items() if port == request.url.port]
        query, path = request.url.params, request.url.path
        usual: dict[tuple[str, str], Callable[[], httpx.Response]] = {
            ("order", "/orders"): lambda: _page("orders", order, query.get("cursor"), many),
            ("gateway", "/messages"): lambda: _page("messages", text, query.get("after"), many),
            ("mail", "/api/v1/messages"): lambda: _page(
                "messages", mail, query["start"], many, total=many
            ),
            ("inventory", "/effects"): lambda: _lines(
                line for number in range(many) for line in movements(number)
            ),
            ("analytics", "/effects"): lambda: _lines(fact(number) for number in range(many)),
            ("inventory", "/stock"): lambda: json({"products": _products(many)}),
        }
        return usual[name, path]()

    return answer


def _page(key: str, row: Row, start: str | None, many: int, **more: int) -> httpx.Response:
    first = int(start or 0)
    last = min(first + 1000, many)
    rows = [row(number) for number in range(first, last)]
    return json({key: rows, "next": str(last) if last < many else None, **more})


def _lines(lines: Iterator[dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, content=(msgspec.json.encode(line) + b"\n" for line in lines))


def _products(many: int) -> list[dict[str, Any]]:
    pieces = {"prod-101": 2 * many, "prod-118": many}
    return [{"productId": id, "initial": all_, "onHand": 0} for id, all_ in pieces.items()]


def audited(many: int) -> Audit:
    transport = httpx.MockTransport(far_ends(many))
    client = httpx.Client(transport=transport)
    with finished_or_not(), client, closing(EvidenceStore(CACHE)) as store:
        evidence = Collector(addresses(), client, FakeBroker(), store).collect()
        return judge(evidence, quiet=True)


if __name__ == "__main__":
    orders = int(sys.argv[1])
    audit = audited(orders)
    assert audit.count(Verdict.APPLIED) == 4 * orders, audit
    assert not audit.exit_status(strict=True), audit
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
