"""Documents the refusals and failures, derived from the exception classes."""

from services.order.errors import OrderFailed, RequestRefused
from shared.openapi.answers import PROBLEM, RETRY_AFTER, Answers, Refusal, location, refused

LOCATION = location("The URL of the order.")


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
    """Responses about an order that is stored and has failed."""
    answers = refused(kinds(*errors))
    for error in errors:
        answer = answers[str(error.status)]
        answer["headers"] = LOCATION
        answer["content"][PROBLEM]["schema"]["required"] = ["orderId", "stage", "stages"]
    return answers
