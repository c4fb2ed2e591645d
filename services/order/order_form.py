"""Validates an order as sent by a client, and reports every invalid field."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from services.order.errors import FieldFault, InvalidOrder
from shared.events import ID_PATTERN, MAX_ITEMS, MAX_PRICE, MAX_QUANTITY, Item, total_of

CENT = Decimal("0.01")
#: Two characters fewer than other ids: the local part of a mail address has at most 64, including
#: the quotes that it may need (RFC 5321, 4.5.3.1.1).
USER_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,61}\Z"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A valid order that has no id yet. Every amount has exactly two decimals."""

    user_id: str
    items: tuple[Item, ...]
    total_amount: Decimal


def read_order(document: object) -> NewOrder:
    """Validate a JSON document. Raises InvalidOrder, which lists every invalid field."""
    try:
        form = _OrderForm.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise _invalid([_fault(each) for each in details]) from None
    items = tuple(Item(line.product_id, line.quantity, line.price) for line in form.items)
    total = total_of(items)
    if form.total_amount not in (None, total):
        detail = f"totalAmount is {form.total_amount}, but the items cost {total}"
        raise _invalid([FieldFault("/totalAmount", detail)])
    return NewOrder(form.user_id, items, total)


def _money(limit: Decimal, value: object) -> Decimal:
    """A JSON number as an amount with two decimals; strings and booleans are refused."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("money", "Input should be a number")
    amount = Decimal(value)
    # is_finite comes first, since comparing a NaN raises an error.
    if not amount.is_finite() or not 0 <= amount <= limit:
        raise PydanticCustomError("money", f"Input should be a number from 0 to {limit}")
    cents = amount.quantize(CENT)
    if cents != amount:
        raise PydanticCustomError("money", "Input should have no more than two decimals")
    # -0.0 is a valid JSON number, and equals 0.
    return abs(cents)


def _price(value: object) -> Decimal:
    return _money(MAX_PRICE, value)


def _total(value: object) -> Decimal:
    return _money(MAX_PRICE * MAX_ITEMS * MAX_QUANTITY, value)


class _Form(BaseModel):
    """Strict: "2", 2.0 and true are not quantities. Closed: misspelt fields are refused."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, regex_engine="python-re"
    )


class _LineForm(_Form):
    product_id: Annotated[str, Field(pattern=ID_PATTERN)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    price: Annotated[Decimal, PlainValidator(_price)]


class _OrderForm(_Form):
    user_id: Annotated[str, Field(pattern=USER_ID_PATTERN)]
    items: Annotated[list[_LineForm], Field(min_length=1, max_length=MAX_ITEMS)]
    total_amount: Annotated[Decimal | None, PlainValidator(_total)] = None


def _invalid(faults: Sequence[FieldFault]) -> InvalidOrder:
    where = ", ".join(fault.pointer or "the document" for fault in faults[:5])
    more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
    return InvalidOrder(f"invalid: {where}{more}", faults)


def _fault(error: ErrorDetails) -> FieldFault:
    return FieldFault(_pointer(error["loc"]), error["msg"])


def _pointer(location: Sequence[int | str]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in steps)
