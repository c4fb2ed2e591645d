"""The shop's products and prices; the inventory is seeded with the same products."""

from collections.abc import Mapping
from decimal import Decimal

#: Unit prices in euros by product id.
PRICES: Mapping[str, Decimal] = {
    "prod-101": Decimal("64.00"),
    "prod-118": Decimal("89.50"),
    "prod-123": Decimal("4.95"),
    "prod-204": Decimal("18.00"),
    "prod-231": Decimal("22.50"),
    "prod-305": Decimal("24.90"),
    "prod-310": Decimal("9.80"),
    "prod-317": Decimal("9.20"),
    "prod-456": Decimal("49.99"),
    "prod-512": Decimal("39.00"),
    "prod-640": Decimal("749.00"),
    "prod-777": Decimal("120.00"),
}
