"""The SMS gateway, with its simulated faults."""

from shared.openapi.answers import OF_A_BODY, Refusal, answers, given, json_of, refused
from shared.openapi.document import Paths, body, document, operation, service_paths
from shared.openapi.shapes import TEXT, TEXT_OR_NULL, TIME, Schema, a_list, an_object, narrowed, ref
from shared.openapi.structs import answered, sent
from simulators.sms_gateway.accepting import NewText
from simulators.sms_gateway.behaviour import Behaviour
from simulators.sms_gateway.views import MAX_KEY_LENGTH, MAX_PAGE

_SCHEMAS: dict[str, Schema] = {
    "NewText": narrowed(sent(NewText)["NewText"], to={"examples": ["usr-123"]}),
    "Text": an_object(
        {"id": TEXT, "idempotencyKey": TEXT, "to": TEXT, "text": TEXT, "acceptedAt": TIME}
    ),
    "Texts": an_object({"messages": a_list(ref("Text")), "next": TEXT_OR_NULL}),
    "NewBehaviour": sent(Behaviour)["Behaviour"],
    **answered(Behaviour),
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
_REUSED = Refusal(422, "The key was used before, with a different text")
_LOST = Refusal(504, "Configured to lose its response, but unable to cut the connection")
_TOLD = "If configured to fail, it responds with `failStatus`."


def _number(name: str, default: int, **bounds: int) -> Schema:
    schema = {"type": "integer", "minimum": 0, "default": default, **bounds}
    return {"name": name, "in": "query", "schema": schema}


def sms_gateway() -> Schema:
    does = "Accepts texts, once per idempotency key, and can simulate faults."
    return document("The SMS gateway", does, _texts() | _behaviour() | service_paths(), _SCHEMAS)


def _texts() -> Paths:
    repeated = given(200, "Repeated request: the first response.", json_of("Text"))
    accepted = answers(201, "Accepted.", "Text", *OF_A_BODY, _REUSED, _LOST) | repeated
    send = operation("sendText", "Send a text", accepted, description=_TOLD, parameters=[_KEY])
    listed = given(200, "Texts, oldest first.", json_of("Texts"))
    paging = [_number("after", 0), _number("limit", 100, minimum=1, maximum=MAX_PAGE)]
    page = operation("listTexts", "Accepted texts", listed, parameters=paging)
    return {"/messages": {"post": send | body("NewText"), "get": page}}


def _behaviour() -> Paths:
    now = given(200, "The current behaviour.", json_of("Behaviour"))
    change = operation("changeBehaviour", "Configure faults", now | refused(OF_A_BODY))
    return {
        "/behaviour": {
            "get": operation("getBehaviour", "Current behaviour", now),
            "put": change | body("NewBehaviour"),
            "delete": operation("resetBehaviour", "Clear all faults", now),
        }
    }
