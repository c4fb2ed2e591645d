"""An order gets what is in stock; earlier movements show whether it did."""

import pytest

from orderctl.audit.facts import Stock
from orderctl.audit.shapes import Movement
from orderctl.audit.stock import Shelves

KETTLES = {"kettle": Stock(5, 0)}


def moves(*pieces: tuple[int, int], product: str = "kettle") -> list[bool]:
    """Whether each movement, given as (requested, moved), is right."""
    shelves = Shelves(KETTLES)
    effects = [
        shelves.take(Movement("event", "ord", product, requested, moved, requested - moved))
        for requested, moved in pieces
    ]
    return [len(effect.content) == 3 for effect in effects]


def test_stock_is_moved_and_the_rest_is_backordered() -> None:
    assert moves((3, 3), (3, 2), (1, 0)) == [True, True, True]


@pytest.mark.parametrize("wrong", [(3, 0), (3, 2), (5, 4)])
def test_a_backorder_despite_stock_is_found(wrong: tuple[int, int]) -> None:
    assert moves(wrong) == [False]


def test_only_the_faulty_movement_is_wrong() -> None:
    assert moves((3, 1), (4, 4), (1, 0)) == [False, True, True]


def test_more_than_the_stock_cannot_have_moved() -> None:
    assert moves((4, 4), (4, 4)) == [True, False]


def test_a_product_not_in_stock_can_only_be_backordered() -> None:
    assert moves((2, 0), (2, 1), product="unknown") == [True, False]


def test_products_not_in_stock_are_not_tracked() -> None:
    shelves = Shelves(KETTLES)
    for number in range(1000):
        shelves.take(Movement("event", "ord", f"unknown-{number}", 1, 0, 1))
    shelves.take(Movement("event", "ord", "kettle", 1, 1, 0))

    assert shelves.moved == {"kettle": 1}
