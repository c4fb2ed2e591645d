"""The products of the shop and their initial stock."""

from typing import NamedTuple


class Product(NamedTuple):
    product_id: str
    name: str
    initial: int


CATALOGUE = (
    Product("prod-101", "Pour-over coffee kettle", 1_000),
    Product("prod-118", "Hand grinder", 500),
    Product("prod-123", "Filter papers, 100", 20_000),
    Product("prod-204", "Espresso cup, pair", 2_000),
    Product("prod-231", "Milk jug", 1_500),
    Product("prod-305", "House blend, 1 kg", 10_000),
    Product("prod-310", "Ethiopia, 250 g", 5_000),
    Product("prod-317", "Decaf, 250 g", 1_000),
    Product("prod-456", "Travel press", 10_000),
    Product("prod-512", "Kitchen scales", 800),
    Product("prod-640", "Espresso machine", 50),
    Product("prod-777", "Roasting workshop, one seat", 12),
)
