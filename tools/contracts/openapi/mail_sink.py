"""The mail sink: the parts of Mailpit's API that are used here.

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
_MOVED = "A number out of range is set to the nearest limit; anything else is ignored."


def _number(name: str, default: int, **bounds: int) -> Schema:
    schema = {"type": "integer", "minimum": 0, "default": default, **bounds}
    return {"name": name, "in": "query", "description": _MOVED, "schema": schema}


def mail_sink() -> Schema:
    does = "An SMTP server that stores every mail: a substitute for Mailpit."
    return document("The mail sink", does, _paths() | _probes() | service_paths(), _SCHEMAS)


def _paths() -> Paths:
    listed = given(200, "Mails, newest first.", json_of("Mails"))
    paging = [_number("start", 0), _number("limit", 50, maximum=MAX_PAGE)]
    removed = {**given(200, "Deleted.", _PLAIN), **refused(OF_A_BODY)}
    info = given(200, "Version and number of mails.", json_of("Info"))
    one, raw = given(200, "The mail.", json_of("Mail")), given(200, "The original bytes.", _PLAIN)
    unknown, id = refused([_UNKNOWN, NO_SUCH_PATH]), [path_id("id", "1")]
    deletion = {
        "content": json_of("Deletion"),
        "description": "Without ids or a body: all mails.",
    }
    return {
        "/": {"get": page("getPage", "A page with the newest mails", "text/html")},
        "/api/v1/info": {"get": operation("getInfo", "Version and number of mails", info)},
        "/api/v1/messages": {
            "get": operation("listMails", "A page of mails", listed, parameters=paging),
            "delete": operation("removeMails", "Delete mails", removed, requestBody=deletion),
        },
        "/api/v1/message/{id}": {
            "get": operation("getMail", "One mail", one | unknown, parameters=id)
        },
        "/api/v1/message/{id}/raw": {
            "get": operation("getRaw", "One mail as received", raw | unknown, parameters=id)
        },
    }


def _probes() -> Paths:
    ready = {**given(200, "Ready.", _PLAIN), **given(503, "Not ready, with the reason.", _PLAIN)}
    return {
        "/livez": {"get": page("probeLive", "Mailpit's name for /health/live", "text/plain")},
        "/readyz": {"get": operation("probeReady", "Mailpit's name for /health/ready", ready)},
    }
