"""Looking up one order, and listing all by page."""

from collections.abc import Iterator

import pytest

from tests.order_service import AN_ORDER, OrderService


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


def place(service: OrderService, count: int) -> list[str]:
    return [service.post().get_json()["orderId"] for _ in range(count)]


def test_an_order_is_shown_as_it_was_placed(service: OrderService) -> None:
    [order_id] = place(service, 1)
    shown = service.get(f"/orders/{order_id}").get_json()
    assert shown == {
        "orderId": order_id,
        "eventId": service.waiting()[0].id,
        "userId": "usr-123",
        "items": AN_ORDER["items"],
        "totalAmount": 104.98,
        "status": "accepted",
        "placedAt": shown["placedAt"],
    }
    assert shown["placedAt"].endswith("Z")
    assert service.get("/orders").get_json() == {"orders": [shown], "next": None}


def test_pages_show_every_order_once_newest_first(service: OrderService) -> None:
    placed = place(service, 7)
    seen: list[str] = []
    path = "/orders?limit=3"
    for size in (3, 3, 1):
        page = service.get(path).get_json()
        assert len(page["orders"]) == size
        seen += [order["orderId"] for order in page["orders"]]
        path = f"/orders?limit=3&cursor={page['next']}"
    assert page["next"] is None
    assert seen == placed[::-1]


def test_an_exactly_full_page_is_the_last(service: OrderService) -> None:
    place(service, 3)
    assert service.get("/orders?limit=3").get_json()["next"] is None


def test_new_orders_do_not_shift_pages(service: OrderService) -> None:
    placed = place(service, 4)
    cursor = service.get("/orders?limit=2").get_json()["next"]
    place(service, 5)
    page = service.get(f"/orders?limit=10&cursor={cursor}").get_json()
    assert [order["orderId"] for order in page["orders"]] == [placed[1], placed[0]]


def test_no_orders_are_an_empty_page(service: OrderService) -> None:
    assert service.get("/orders").get_json() == {"orders": [], "next": None}
    assert service.get("/orders?cursor=1").get_json() == {"orders": [], "next": None}


@pytest.mark.parametrize("name", ["limit", "cursor"])
@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "many", "²", "1%00", "9" * 30, "+1"])
def test_an_invalid_page_is_refused(service: OrderService, name: str, value: str) -> None:
    answer = service.get(f"/orders?{name}={value}")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json(force=True)["type"] == "/problems/invalid-page"


def test_a_page_has_at_most_a_thousand_orders(service: OrderService) -> None:
    assert service.get("/orders?limit=1000").status_code == 200
    assert service.get("/orders?limit=1001").status_code == 400
