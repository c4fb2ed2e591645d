"""Replays the stock movements to check that each backorder was necessary."""

from collections import Counter
from collections.abc import Mapping

from orderctl.audit.facts import Content, SeenEffect, Stock, content_of
from orderctl.audit.shapes import Movement


class Shelves:
    """Takes the movements in the order in which they were made.

    `moved`: pieces by product, for products that are stocked or have moved anyway. Others are not
    stored, since clients may name any number of products.
    """

    def __init__(self, stock: Mapping[str, Stock]) -> None:
        self._stock = stock
        self.moved: Counter[str] = Counter()

    def take(self, movement: Movement) -> SeenEffect:
        content = content_of(
            movement.order_id,
            movement.requested,
            movement.moved + movement.backordered,
            *self._wrongly_moved(movement),
        )
        if movement.product_id in self._stock or movement.moved:
            self.moved[movement.product_id] += movement.moved
        return SeenEffect(movement.event_id, movement.product_id, content, movement.order_id)

    def _wrongly_moved(self, movement: Movement) -> Content:
        """Empty if the order was given as much of its quantity as was in stock."""
        stock = self._stock.get(movement.product_id, Stock(0, 0))
        left = stock.initial - self.moved.get(movement.product_id, 0)
        is_right = movement.moved == max(0, min(movement.requested, left))
        return () if is_right else (f"{left} were in stock, {movement.moved} were moved",)
