"""An order is given what is there: whether it was is told by the movements before its own."""

import pytest

from orderctl.audit.facts import Stock
from orderctl.audit.shapes import Movement
from orderctl.audit.stock import Shelves

KETTLES = {"kettle": Stock(5, 0)}


def moves(*pieces: tuple[int, int], product: str = "kettle") -> list[bool]:
    """Of each movement, (requested, moved), whether it was right."""
    shelves = Shelves(KETTLES)
    effects = [
        shelves.take(Movement("event", "ord", product, requested, moved, requested - moved))
        for requested, moved in pieces
    ]
    return [len(effect.content) == 3 for effect in effects]


def test_what_is_there_is_taken_and_the_rest_is_backordered() -> None:
    assert moves((3, 3), (3, 2), (1, 0)) == [True, True, True]


@pytest.mark.parametrize("wrong", [(3, 0), (3, 2), (5, 4)])
def test_what_was_backordered_although_it_was_there_is_found(wrong: tuple[int, int]) -> None:
    assert moves(wrong) == [False]


def test_only_the_movement_at_fault_is_wrong() -> None:
    assert moves((3, 1), (4, 4), (1, 0)) == [False, True, True]


def test_more_than_was_there_cannot_have_moved() -> None:
    assert moves((4, 4), (4, 4)) == [True, False]


def test_a_product_that_nobody_stocks_can_only_be_backordered() -> None:
    assert moves((2, 0), (2, 1), product="unknown") == [True, False]


def test_products_that_are_not_in_the_stock_are_not_remembered() -> None:
    shelves = Shelves(KETTLES)
    for number in range(1000):
        shelves.take(Movement("event", "ord", f"unknown-{number}", 1, 0, 1))
    shelves.take(Movement("event", "ord", "kettle", 1, 1, 0))

    assert shelves.moved == {"kettle": 1}
