"""The answers in the document: what is given, and every way in which a request is refused."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from services.order.errors import OrderFailed, Refused
from services.order.openapi.schemas import ref

Answers = dict[str, Any]

_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}


LOCATION = {
    "Location": {
        "description": "Where the order is to be found.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    }
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem document: its status, its `type`, when it is sent, and with which headers."""

    status: int
    type: str
    when: str
    headers: dict[str, Any] = field(default_factory=dict)


#: What is ours has a type of its own; what HTTP itself has a word for needs none (RFC 9457).
_PLAIN = "about:blank"
_AS_IT_IS = {"Accept-Encoding": {"required": True, "schema": {"const": "identity"}}}
_WANTED = {"WWW-Authenticate": {"required": True, "schema": {"const": 'Bearer realm="operators"'}}}

UNAVAILABLE = Refusal(503, _PLAIN, "The database does not answer", _RETRY_AFTER)
TOO_LONG = Refusal(413, _PLAIN, "The body is too long")
ENCODED = Refusal(415, _PLAIN, "The body is encoded, for example with gzip", _AS_IT_IS)
UNAUTHORIZED = Refusal(401, _PLAIN, "The operators' token is missing or wrong", _WANTED)
OFF = Refusal(404, _PLAIN, "The endpoint is off: the service has no OPERATOR_TOKEN")
FAULTS_OFF = Refusal(403, _PLAIN, "The service was not started with FAULTS_ALLOWED")
NOT_UNDERSTOOD = Refusal(400, _PLAIN, "The body is not what is needed here")
NO_FAULT = Refusal(422, _PLAIN, "There is no such fault")
NO_SUCH_PATH = Refusal(404, _PLAIN, "There is no such path")


def kinds(*errors: type[Refused | OrderFailed]) -> list[Refusal]:
    """Our own errors as refusals, told by the very classes that are raised."""
    return [
        Refusal(
            error.status,
            f"/problems/{error.kind}",
            error.title,
            {} if error.repeat_after is None else _RETRY_AFTER,
        )
        for error in errors
    ]


def json_of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(name)}}


def given(status: int, description: str, content: dict[str, Any], **more: Any) -> Answers:
    return {str(status): {"description": description, "content": content, **more}}


def refused(refusals: Iterable[Refusal]) -> Answers:
    """One answer for each status; its schema knows which types come with that status."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _problem(status, same) for status, same in sorted(by_status.items())}


def failed(*errors: type[OrderFailed]) -> Answers:
    """Answers about an order that is there, and has failed."""
    answers = refused(kinds(*errors))
    for error in errors:
        answer = answers[str(error.status)]
        answer["headers"] = LOCATION
        schema = answer["content"]["application/problem+json"]["schema"]
        schema["required"] = ["orderId", "stage", "stages"]
    return answers


def _problem(status: int, refusals: list[Refusal]) -> dict[str, Any]:
    types = list(dict.fromkeys(refusal.type for refusal in refusals))
    narrowed = {"type": {"enum": types}, "status": {"const": status}}
    schema = {**ref("Problem"), "properties": narrowed}
    headers = {name: each for refusal in refusals for name, each in refusal.headers.items()}
    return {
        "description": ". ".join(refusal.when for refusal in refusals) + ".",
        "content": {"application/problem+json": {"schema": schema}},
        **({"headers": headers} if headers else {}),
    }
