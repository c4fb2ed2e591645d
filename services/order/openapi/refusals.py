"""How orders are refused, and how they fail: told by the very classes that are raised."""

from services.order.errors import OrderFailed, RequestRefused
from shared.openapi.answers import PROBLEM, RETRY_AFTER, Answers, Refusal, location, refused

LOCATION = location("Where the order is to be found.")


def kinds(*errors: type[RequestRefused | OrderFailed]) -> list[Refusal]:
    return [
        Refusal(
            error.status,
            error.title,
            f"/problems/{error.kind}",
            {} if error.repeat_after is None else RETRY_AFTER,
        )
        for error in errors
    ]


def failed(*errors: type[OrderFailed]) -> Answers:
    """Answers about an order that is there, and has failed."""
    answers = refused(kinds(*errors))
    for error in errors:
        answer = answers[str(error.status)]
        answer["headers"] = LOCATION
        answer["content"][PROBLEM]["schema"]["required"] = ["orderId", "stage", "stages"]
    return answers
