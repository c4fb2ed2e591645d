"""Checks every response; merely counting responses would also measure how fast errors are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loadtest.bad_requests import ExpectedRefusal
from loadtest.baskets import Basket

#: The expected response to an order in each mode: the HTTP status, and the order's status.
PLACED = {"async": (202, "accepted"), "sync": (201, "completed"), "parallel": (201, "completed")}
#: The possible states of an asynchronous order at a service; `unknown` without a response.
STATES = ("waiting", "working", "retrying", "applied", "dead_lettered", "discarded", "unknown")


class CheckFailed(Exception):
    """The response is wrong; the message names the difference."""


@dataclass(frozen=True)
class HttpAnswer:
    """`headers` are looked up as Content-Type, Location, Retry-After."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Order:
    """A placed order, as its customer remembers it."""

    order_id: str
    mode: str
    basket: Basket


def is_refused_for_now(answer: HttpAnswer) -> bool:
    """Whether it is a 503 with Retry-After: an overloaded service that has lost nothing."""
    return answer.status == 503 and answer.headers.get("Retry-After", "").isdigit()


def placed(answer: HttpAnswer, mode: str, basket: Basket) -> Order:
    """The order in the response. Raises CheckFailed."""
    code, status = PLACED[mode]
    document = _document(answer, code, "application/json")
    order_id = document.get("orderId")
    if not isinstance(order_id, str) or not order_id:
        raise CheckFailed(f"orderId is {order_id!r}")
    _compare(document, {"status": status, "totalAmount": basket.total})
    _expect("Location", answer.headers.get("Location"), f"/orders/{order_id}")
    return Order(order_id, mode, basket)


def repeated(answer: HttpAnswer, order: Order) -> None:
    """A repeated request with the same key must return the same order. Raises CheckFailed."""
    again = placed(answer, order.mode, order.basket)
    _expect("orderId of the repeated request", again.order_id, order.order_id)


def looked_up(answer: HttpAnswer, order: Order) -> None:
    """The stored order must equal the placed one. Raises CheckFailed."""
    document = _document(answer, 200, "application/json")
    ordered = json.loads(order.basket.body(), parse_float=Decimal)
    _compare(document, {**_known(order), **ordered, "totalAmount": order.basket.total})


def journeyed(answer: HttpAnswer, order: Order) -> None:
    """Every service must report a plausible state of the order. Raises CheckFailed."""
    document = _document(answer, 200, "application/json")
    _compare(document, {**_known(order), "mode": order.mode})
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        raise CheckFailed(f"services is {services!r}")
    expected = STATES if order.mode == "async" else ("applied", "unknown")
    for name, stop in services.items():
        state = stop.get("state") if isinstance(stop, dict) else stop
        if state not in expected:
            raise CheckFailed(f"{name} reports {state!r} for an order in mode {order.mode}")


def refused(answer: HttpAnswer, refusal: ExpectedRefusal) -> None:
    """The problem document (RFC 9457) must be the right one and name the right field.

    Raises CheckFailed.
    """
    document = _document(answer, refusal.status, "application/problem+json")
    _compare(document, {"status": refusal.status, "type": f"/problems/{refusal.kind}"})
    if refusal.pointer is not None:
        faults = document.get("errors") or ()
        blamed = [fault.get("pointer") for fault in faults if isinstance(fault, dict)]
        _expect("the field at fault", blamed, [refusal.pointer])


def _known(order: Order) -> dict[str, object]:
    return {"orderId": order.order_id, "status": PLACED[order.mode][1]}


def _document(answer: HttpAnswer, status: int, media_type: str) -> dict[str, Any]:
    if answer.status != status:
        text = answer.body[:200].decode(errors="replace")
        raise CheckFailed(f"the status is {answer.status} instead of {status}: {text}")
    _expect("Content-Type", answer.headers.get("Content-Type"), media_type)
    try:
        # Amounts are compared to the cent, so they must not be parsed as floats.
        document = json.loads(answer.body, parse_float=Decimal)
    except ValueError as error:
        raise CheckFailed(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CheckFailed(f"the body is not a JSON object: {document!r}")
    return document


def _compare(document: Mapping[str, object], expected: Mapping[str, object]) -> None:
    for name, value in expected.items():
        _expect(name, document.get(name), value)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise CheckFailed(f"{what} is {got!r} instead of {expected!r}")
