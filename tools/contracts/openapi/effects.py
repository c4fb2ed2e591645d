"""The schema of an effect: the result of one event at a consumer."""

from shared.openapi.shapes import ANY_ID, TIME, Schema, an_object


def effect(**more: Schema) -> Schema:
    """The fields of all consumers, and the additional fields of one."""
    return an_object({"eventId": ANY_ID, "orderId": ANY_ID, **more, "at": TIME})
