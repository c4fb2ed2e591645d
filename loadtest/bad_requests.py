"""Invalid requests, each with the problem document that it must receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from loadtest.baskets import Basket

JSON = "application/json"


@dataclass(frozen=True)
class ExpectedRefusal:
    """A problem document of type `/problems/KIND`; `pointer`: the field that it must name."""

    status: int
    kind: str
    pointer: str | None = None


#: An order that was never placed.
UNKNOWN_ORDER = ExpectedRefusal(404, "unknown-order")
#: The same key for a different order. (409 is for an order that is still in progress.)
KEY_REUSED = ExpectedRefusal(422, "idempotency-key-reused")


@dataclass(frozen=True)
class BadRequest:
    body: str
    refusal: ExpectedRefusal
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    query: str = ""


def bad_requests(basket: Basket) -> Sequence[BadRequest]:
    """Invalid variants of this basket, as real clients send them."""
    good = BadRequest(basket.body(), ExpectedRefusal(0, ""))
    typed = {"Content-Type": JSON}
    return (
        replace(good, body=good.body[:-1], refusal=ExpectedRefusal(400, "malformed-json")),
        replace(
            good,
            headers={"Content-Type": "text/plain"},
            refusal=ExpectedRefusal(415, "wrong-media-type"),
        ),
        replace(good, query="?mode=later", refusal=ExpectedRefusal(400, "invalid-mode")),
        replace(
            good,
            headers={**typed, "Idempotency-Key": "two words"},
            refusal=ExpectedRefusal(400, "invalid-idempotency-key"),
        ),
        *(
            replace(good, body=body, refusal=ExpectedRefusal(422, "invalid-order", pointer))
            for pointer, body in _invalid_orders(basket)
        ),
    )


def _invalid_orders(basket: Basket) -> Sequence[tuple[str, str]]:
    """The field at fault, and the body."""
    item = basket.items[0]
    no_piece = replace(basket, items=(replace(item, quantity=0), *basket.items[1:]))
    nothing = replace(basket, items=())
    nobody = replace(basket, user_id="")
    wrong_total = basket.body()[:-1] + ', "totalAmount": 0.01}'
    return (
        ("/items/0/quantity", no_piece.body()),
        ("/items", nothing.body()),
        ("/userId", nobody.body()),
        ("/totalAmount", wrong_total),
    )
