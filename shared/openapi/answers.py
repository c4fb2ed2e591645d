"""The responses of an operation: success, and every way in which a request is refused."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.openapi.shapes import Schema, ref

Answers = dict[str, Any]
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem document: its status, the condition for it, its `type` and its headers.

    Only problems that an HTTP status does not describe have their own type (RFC 9457).
    """

    status: int
    when: str
    type: str = "about:blank"
    headers: dict[str, Any] = field(default_factory=dict)


def header(name: str, schema: Schema, **more: Any) -> dict[str, Any]:
    """A header that is always sent."""
    return {name: {**more, "required": True, "schema": schema}}


def location(description: str) -> dict[str, Any]:
    return header(
        "Location", {"type": "string", "format": "uri-reference"}, description=description
    )


RETRY_AFTER = header("Retry-After", {"type": "integer", "minimum": 1}, description="Seconds.")
_AS_IT_IS = header("Accept-Encoding", {"const": "identity"})
_WANTED = header("WWW-Authenticate", {"const": 'Bearer realm="operators"'})

UNAVAILABLE = Refusal(503, "The database is unavailable", headers=RETRY_AFTER)
DEPENDENCY_DOWN = Refusal(
    503, "A dependency is unavailable, or an outage is injected", headers=RETRY_AFTER
)
TOO_LONG = Refusal(413, "The body is too long")
ENCODED = Refusal(415, "The body is encoded, for example with gzip", headers=_AS_IT_IS)
UNAUTHORIZED = Refusal(401, "The operator token is missing or wrong", headers=_WANTED)
OFF = Refusal(404, "The endpoint is off: the service has no OPERATOR_TOKEN")
NOT_UNDERSTOOD = Refusal(400, "The body is not valid")
NO_SUCH_PATH = Refusal(404, "There is no such path")

#: Of every operation with a body, and of every operation for operators.
OF_A_BODY = (NOT_UNDERSTOOD, TOO_LONG, ENCODED)
OF_OPERATORS = (UNAUTHORIZED, OFF, DEPENDENCY_DOWN)


def json_of(name: str, document: str = "") -> dict[str, Any]:
    return {"application/json": {"schema": ref(name, document)}}


def given(status: int, description: str, content: dict[str, Any], **more: Any) -> Answers:
    return {str(status): {"description": description, "content": content, **more}}


def answers(
    status: int, description: str, schema: str, *refusals: Refusal, of: str = ""
) -> Answers:
    """A response with a schema, of this document or of the one named `of`, and the refusals."""
    return {**given(status, description, json_of(schema, of)), **refused(refusals)}


def refused(refusals: Iterable[Refusal]) -> Answers:
    """One response for each status; its schema lists the problem types of that status."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _problem(status, same) for status, same in sorted(by_status.items())}


def _problem(status: int, refusals: list[Refusal]) -> dict[str, Any]:
    types = list(dict.fromkeys(refusal.type for refusal in refusals))
    narrowed = {"type": {"enum": types}, "status": {"const": status}}
    headers = {name: each for refusal in refusals for name, each in refusal.headers.items()}
    return {
        "description": ". ".join(refusal.when for refusal in refusals) + ".",
        "content": {PROBLEM: {"schema": {**ref("Problem"), "properties": narrowed}}},
        **({"headers": headers} if headers else {}),
    }
