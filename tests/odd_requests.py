"""Requests that nobody would send, and some that somebody would, made up by hypothesis."""

import copy
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from werkzeug.routing import Rule

from tests.builders import a_message
from tests.documented import TOKEN
from tests.documented_service import AN_ORDER

EVENT = a_message()

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
#: What a reader of numbers may stumble over: signs, other digits, the ends of 32 and 64 bits.
NUMBERS = st.sampled_from(
    ["", "0", "1", "-1", "+1", " 1", "1_0", "1.0", "1e3", "٣", "²", "NaN", "true", "1" * 5000]
    + [str(2**power + more) for power in (31, 32, 53, 63, 64) for more in (-1, 0, 1)]
)
ODD = st.text(max_size=20) | st.sampled_from(["\0", "'; --", "../..", "%00", "\ud7ff\U0010ffff"])
KNOWN = st.sampled_from(["ord-789", EVENT.key, EVENT.id, "prod-456", "1", "x" * 64, "x" * 65])

QUERIES = st.lists(
    st.tuples(st.sampled_from(["limit", "cursor", "after", "start"]) | ODD, NUMBERS | ODD),
    max_size=3,
)

#: What a header can hold: no line ends, and nothing beyond Latin-1.
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
#: For each header that some view reads, what it takes; anything else is made up.
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Idempotency-Key": '"a key"',
    "ce-id": EVENT.id,
    "ce-type": EVENT.type,
    "ce-time": EVENT.time,
    "ce-source": EVENT.source,
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS | ODD
)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(ODD, inner), max_leaves=8
)
_NOTICE = {
    "step": "redriven",
    "at": "2026-03-04T05:06:07Z",
    "events": [{"eventId": "e-1", "orderId": "ord-1"}],
}
#: For each path that takes a body, bodies that are taken.
TAKEN: dict[str, list[Any]] = {
    "/orders": [AN_ORDER],
    "/events": [json.loads(EVENT.body)],
    "/dead-letters/redrive": [{"handles": ["x"]}, {"all": True}],
    "/dead-letters/discard": [{"handles": ["x"]}, {"all": True}],
    "/dead-letters/notice": [_NOTICE],
    "/replays": [
        {"from": "beginning", "dryRun": True},
        {"from": "1", "to": "2026-03-04T05:06:07Z", "resend": True},
        {"again": "x"},
    ],
    "/messages": [{"to": "usr-1", "text": "hello"}],
    "/behaviour": [{"failRate": 0.5, "failStatus": 503, "delaySeconds": 1}],
    "/api/v1/messages": [{"IDs": ["1"]}],
}


@st.composite
def spoilt(draw: Callable[[st.SearchStrategy[Any]], Any], bodies: list[Any]) -> Any:
    """A body that is taken, with one thing changed, somewhere inside."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    part = body
    while True:
        key = draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not part[key] or not isinstance(part[key], dict | list) or draw(st.booleans()):
            part[key] = draw(ANY_JSON)
            return body
        part = part[key]


def _bodies(rule: Rule) -> st.SearchStrategy[bytes]:
    taken = TAKEN.get(rule.rule, [{}])
    documents = st.sampled_from(taken) | ANY_JSON
    if taken != [{}]:
        documents |= spoilt(taken)
    return st.binary(max_size=60) | documents.map(lambda body: json.dumps(body).encode())


def odd_requests(rule: Rule, method: str) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of Flask's test client, for this route."""
    return st.fixed_dictionaries(
        {
            "path": _paths(rule),
            "method": st.just(method),
            "query_string": QUERIES.map(lambda pairs: urlencode(pairs, errors="replace")),
            "headers": _headers(),
            "data": st.just(b"") if method == "GET" else _bodies(rule),
        }
    )


def odd_paths() -> st.SearchStrategy[str]:
    """Most of them are no route of anything."""
    steps = st.lists(ODD | KNOWN | st.sampled_from(["", "orders", "docs", "health"]), max_size=4)
    # What begins with // is no path for the test client, but a host.
    return steps.map(
        lambda texts: "/" + "/".join(quote(text, errors="replace") for text in texts).lstrip("/")
    )


def _paths(rule: Rule) -> st.SearchStrategy[str]:
    """The rule's path, with something in each place that takes an argument."""
    places = {f"<{name}>": KNOWN | ODD | NUMBERS for name in rule.arguments}
    return st.fixed_dictionaries(places).map(lambda texts: _filled(rule.rule, texts))


def _filled(rule: str, texts: dict[str, str]) -> str:
    for place, text in texts.items():
        rule = rule.replace(place, quote(text, safe="", errors="replace"))
    return rule


def _headers() -> st.SearchStrategy[dict[str, str]]:
    """All as they should be, except for two at most."""
    spoilt = st.dictionaries(st.sampled_from(list(HEADERS)), st.none() | VALUES, max_size=2)
    return spoilt.map(
        lambda some: {name: value for name, value in (HEADERS | some).items() if value is not None}
    )
