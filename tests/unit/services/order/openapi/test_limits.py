"""Each limit in the document is the code's exact limit."""

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared.http.app import to_json
from tests.documented import TOKEN, as_sent
from tests.documented_service import DocumentedService

SCHEMAS = as_sent()["components"]["schemas"]
ORDER = SCHEMAS["NewOrder"]["properties"]
ITEM = ORDER["items"]["items"]["properties"]
PAGE = {each["name"]: each["schema"] for each in as_sent()["paths"]["/orders"]["get"]["parameters"]}
#: A free item, so that the total stays within its limit.
LINE: dict[str, Any] = {"productId": "p", "quantity": 1, "price": 0}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentedService]:
    with DocumentedService(f"sqlite:///{tmp_path_factory.mktemp('order') / 'test.db'}") as made:
        yield made


def place(service: DocumentedService, *items: dict[str, Any], **more: Any) -> int:
    body = to_json({"userId": "u", "items": items, **more})
    client = service.app.test_client()
    return client.post("/orders", data=body, content_type="application/json").status_code


@pytest.mark.parametrize("field", ["quantity", "price"])
@pytest.mark.parametrize(("end", "sign"), [("minimum", -1), ("maximum", 1)])
def test_the_numbers_of_an_item(
    service: DocumentedService, field: str, end: str, sign: int
) -> None:
    last = ITEM[field][end]
    step = Decimal(str(ITEM[field].get("multipleOf", 1)))
    assert place(service, LINE | {field: last}) == 202
    assert place(service, LINE | {field: last + sign * step}) == 422


def test_the_decimals_of_a_price(service: DocumentedService) -> None:
    cent = Decimal(str(ITEM["price"]["multipleOf"]))
    assert place(service, LINE | {"price": cent}) == 202
    assert place(service, LINE | {"price": cent / 2}) == 422


def test_the_number_of_items(service: DocumentedService) -> None:
    least, most = ORDER["items"]["minItems"], ORDER["items"]["maxItems"]
    placed = [place(service, *[LINE] * count) for count in (least - 1, least, most, most + 1)]
    assert placed == [422, 202, 202, 422]


def test_the_highest_total_equals_the_largest_orders(service: DocumentedService) -> None:
    most = {"quantity": ITEM["quantity"]["maximum"], "price": ITEM["price"]["maximum"]}
    items = [copy.deepcopy(LINE) | most] * ORDER["items"]["maxItems"]
    assert place(service, *items, totalAmount=ORDER["totalAmount"]["maximum"]) == 202


@pytest.mark.parametrize("field", ["userId", "productId", "totalAmount", "quantity", "price"])
def test_fields_that_are_required(service: DocumentedService, field: str) -> None:
    required = [*SCHEMAS["NewOrder"]["required"], *ORDER["items"]["items"]["required"]]
    order = {"userId": "u", "totalAmount": 0} if field != "userId" else {}
    order.pop(field, None)
    items = [{name: value for name, value in LINE.items() if name != field}]
    answer = service.app.test_client().post("/orders", json={**order, "items": items})
    assert answer.status_code == (422 if field in required else 202)


@pytest.mark.parametrize("name", PAGE)
@pytest.mark.parametrize(("end", "further"), [("minimum", -1), ("maximum", 1)])
def test_the_numbers_of_a_page(
    service: DocumentedService, name: str, end: str, further: int
) -> None:
    client, headers = service.app.test_client(), {"Authorization": f"Bearer {TOKEN}"}
    last = PAGE[name][end]
    assert client.get(f"/orders?{name}={last}", headers=headers).status_code == 200
    assert client.get(f"/orders?{name}={last + further}", headers=headers).status_code == 400
