"""Follows the stock through its movements: was each piece that was missing really not there?"""

from collections import Counter
from collections.abc import Mapping

from orderctl.audit.facts import Said, SeenEffect, Stock, said
from orderctl.audit.shapes import Movement


class Shelves:
    """Takes the movements in the order in which they were made.

    `moved`: pieces by product, of those that are in the stock or have moved all the same. Others
    are not remembered: clients may name as many products as they like.
    """

    def __init__(self, stock: Mapping[str, Stock]) -> None:
        self._stock = stock
        self.moved: Counter[str] = Counter()

    def take(self, movement: Movement) -> SeenEffect:
        says = said(
            movement.order_id,
            movement.requested,
            movement.moved + movement.backordered,
            *self._wrongly_moved(movement),
        )
        if movement.product_id in self._stock or movement.moved:
            self.moved[movement.product_id] += movement.moved
        return SeenEffect(movement.event_id, movement.product_id, says, movement.order_id)

    def _wrongly_moved(self, movement: Movement) -> Said:
        """Nothing where the order was given what was there, as far as it asked for it."""
        stock = self._stock.get(movement.product_id, Stock(0, 0))
        there = stock.initial - self.moved.get(movement.product_id, 0)
        is_right = movement.moved == max(0, min(movement.requested, there))
        return () if is_right else (f"{there} were there, {movement.moved} were moved",)
