"""What a consumer did for one event, as it tells."""

from shared.openapi.shapes import ANY_ID, TIME, Schema, an_object


def effect(**more: Schema) -> Schema:
    """What all consumers tell of it, and what one of them tells besides."""
    return an_object({"eventId": ANY_ID, "orderId": ANY_ID, **more, "at": TIME})
