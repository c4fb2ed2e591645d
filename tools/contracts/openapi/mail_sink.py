"""The mail sink: the part of Mailpit's API that is used here.

Source: Mailpit's API, https://mailpit.axllent.org/docs/api-v1/.
"""

from shared.openapi.answers import NO_SUCH_PATH, OF_A_BODY, Refusal, given, json_of, refused
from shared.openapi.document import Paths, document, operation, page, path_id, service_paths
from shared.openapi.shapes import COUNT, TEXT, TEXT_OR_NULL, TIME, Schema, a_list, an_object, ref
from shared.openapi.structs import sent
from simulators.mail_sink.views import MAX_PAGE, Deletion

_ADDRESS = an_object({"Name": TEXT, "Address": TEXT})
_SUMMARY: Schema = {
    "ID": TEXT,
    "MessageID": TEXT,
    "From": ref("Address"),
    "To": a_list(ref("Address")),
    "Subject": TEXT,
    "Created": TIME,
    "Size": COUNT,
    "Snippet": TEXT_OR_NULL | {"description": "The beginning of the text, in one line."},
}
_SCHEMAS: dict[str, Schema] = {
    "Address": _ADDRESS,
    "Summary": an_object(_SUMMARY),
    "Mail": an_object(_SUMMARY | {"Text": TEXT}),
    "Mails": an_object(
        {
            "total": COUNT,
            "start": COUNT,
            "messages_count": COUNT,
            "messages": a_list(ref("Summary")),
        }
    ),
    "Info": an_object({"Version": TEXT, "Messages": COUNT}),
    **sent(Deletion),
}
_PLAIN: Schema = {"text/plain": {}}
_UNKNOWN = Refusal(404, "There is no such mail")
_MOVED = "A number that is out of bounds is moved into them; what is none counts as left out."


def _number(name: str, default: int, **bounds: int) -> Schema:
    schema = {"type": "integer", "minimum": 0, "default": default, **bounds}
    return {"name": name, "in": "query", "description": _MOVED, "schema": schema}


def mail_sink() -> Schema:
    does = "An SMTP server that keeps every mail, where there is no Mailpit."
    return document("The mail sink", does, _paths() | _probes() | service_paths(), _SCHEMAS)


def _paths() -> Paths:
    listed = given(200, "The newest first.", json_of("Mails"))
    paging = [_number("start", 0), _number("limit", 50, maximum=MAX_PAGE)]
    removed = {**given(200, "Gone.", _PLAIN), **refused(OF_A_BODY)}
    info = given(200, "Here it is.", json_of("Info"))
    one, raw = given(200, "The mail.", json_of("Mail")), given(200, "Byte for byte.", _PLAIN)
    unknown, id = refused([_UNKNOWN, NO_SUCH_PATH]), [path_id("id", "1")]
    deletion = {"content": json_of("Deletion"), "description": "Without ids, or a body: all."}
    return {
        "/": {"get": page("getPage", "The newest mails, for people", "text/html")},
        "/api/v1/info": {"get": operation("getInfo", "How many mails there are", info)},
        "/api/v1/messages": {
            "get": operation("listMails", "A page of mails", listed, parameters=paging),
            "delete": operation("removeMails", "Remove mails", removed, requestBody=deletion),
        },
        "/api/v1/message/{id}": {
            "get": operation("getMail", "One mail", one | unknown, parameters=id)
        },
        "/api/v1/message/{id}/raw": {
            "get": operation("getRaw", "One mail as it came", raw | unknown, parameters=id)
        },
    }


def _probes() -> Paths:
    ready = {**given(200, "It is.", _PLAIN), **given(503, "It is not, and why.", _PLAIN)}
    return {
        "/livez": {"get": page("probeLive", "Mailpit's name for /health/live", "text/plain")},
        "/readyz": {"get": operation("probeReady", "Mailpit's name for /health/ready", ready)},
    }
