"""The sentence that explains the system's state, for states that are hard to produce."""

from typing import Any

from tests.browser.watched import Watched

QUEUE = {"ready": 0, "retrying": 0, "dead": 0}
TOLD: dict[str, Any] = {"reason": None, "queue": QUEUE, "appliedPerSecond": 0, "faults": []}
SIDE: dict[str, Any] = {
    "age": 0.1,
    "unreachable": None,
    "told": TOLD,
    "ready": 0,
    "held": 0,
    "waiting": 0,
}
WELL: dict[str, Any] = {
    "order": {"reason": None, "faults": [], "outbox": {"pending": 0}, "perSecond": 0},
    "relay": {"reason": None},
    "services": {"email": SIDE, "sms": SIDE},
}
NO_BROKER = SIDE | {"told": TOLD | {"reason": "the broker is down", "queue": None}}


def with_email(told: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    side = SIDE | {"told": TOLD | (told or {})} | more
    return WELL | {"services": {"email": side, "sms": SIDE}}


def fault(kind: str, value: str) -> dict[str, Any]:
    return {"faults": [{"kind": kind, "value": value, "secondsLeft": None}]}


STORIES = {
    "All quiet: no orders are waiting.": WELL,
    "Orders are coming in, and each service processes them at its own pace": WELL
    | {"order": WELL["order"] | {"perSecond": 3}},
    "Email is down. 1 order is waiting in its queue. Nothing is lost, and no retries": with_email(
        fault("outage", "on"), ready=1
    ),
    "Email is down. No orders are waiting yet. None will be lost": with_email(
        fault("outage", "on")
    ),
    "Email has not responded for 12 s. 7 orders are waiting in its queue.": with_email(
        unreachable="refused", age=12, waiting=7
    ),
    "Email has paused and retries every few seconds (mail server is down). 2 orders are": (
        with_email({"reason": "mail server is down"}, ready=1, held=1)
    ),
    "Half of email's attempts fail. 3 events are waiting to be retried.": with_email(
        fault("failures", "0.5") | {"queue": QUEUE | {"retrying": 3}}
    ),
    "Email takes 3 s longer per mail, and 30 orders are not done yet.": with_email(
        fault("latency", "3"), waiting=30
    ),
    "Email will crash after applying the next event.": with_email(fault("crash", "after")),
    "Email is working through 1,200 waiting orders. At 15 per second, that takes about 80 s": (
        with_email({"appliedPerSecond": 15}, ready=1200)
    ),
    "Email has 2 dead letters.": with_email({"queue": QUEUE | {"dead": 2}}),
    "5 orders are waiting safely in the outbox: the relay is not publishing (no lock)": WELL
    | {"order": WELL["order"] | {"outbox": {"pending": 5}}, "relay": {"reason": "no lock"}},
    "The broker is down. New orders will wait safely in the outbox.": WELL
    | {"relay": {"reason": "no route"}, "services": {"email": NO_BROKER, "sms": NO_BROKER}},
    "The order service is not accepting orders: an outage.": WELL
    | {"order": WELL["order"] | {"reason": "an outage"}},
}


def told(watched: Watched, state: dict[str, Any]) -> str:
    text: str = watched.page.evaluate(
        "async state => (await import('/static/js/explain.js')).story(state).text", state
    )
    return text


def test_each_state_has_a_sentence(watched: Watched) -> None:
    for story, state in STORIES.items():
        assert told(watched, state)[: len(story)] == story


def test_several_problems_are_all_mentioned(watched: Watched) -> None:
    away = SIDE | {"told": TOLD | fault("outage", "on")}
    state = WELL | {"services": {"email": away, "sms": away}}
    assert told(watched, state).endswith("(1 more below.)")


def test_a_services_reason_never_becomes_markup(watched: Watched) -> None:
    """A reason may quote data from a request."""
    evil = "<img src=x onerror=alert(1)>"
    found = watched.page.evaluate(
        """async evil => {
            const {make, setText} = await import('/static/js/dom.js');
            const element = make('p', {}, evil);
            setText(element, evil + '!');
            return [element.childElementCount, element.textContent];
        }""",
        evil,
    )
    assert found == [0, evil + "!"]
