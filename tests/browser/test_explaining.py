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
NO_BROKER = SIDE | {"told": TOLD | {"reason": "the broker is away", "queue": None}}


def with_email(told: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    side = SIDE | {"told": TOLD | (told or {})} | more
    return WELL | {"services": {"email": side, "sms": SIDE}}


def fault(kind: str, value: str) -> dict[str, Any]:
    return {"faults": [{"kind": kind, "value": value, "secondsLeft": None}]}


STORIES = {
    "All is quiet: no order waits anywhere": WELL,
    "Orders come in, and each service works on them at its own pace": WELL
    | {"order": WELL["order"] | {"perSecond": 3}},
    "Email is away. 1 order waits for it, and nothing is lost": with_email(
        fault("outage", "on"), waiting=1
    ),
    "Email is away. Nothing waits for it yet": with_email(fault("outage", "on")),
    "Email does not answer, since 12 s. 7 orders wait for it, and nothing is lost": with_email(
        unreachable="refused", age=12, waiting=7
    ),
    "Email receives nothing for now, and tries again every few seconds (mail server is away)": (
        with_email({"reason": "mail server is away"}, waiting=2)
    ),
    "50% of email's attempts fail. 3 events wait for another try": with_email(
        fault("failures", "0.5") | {"queue": QUEUE | {"retrying": 3}}
    ),
    "Email takes 3 s longer for each mail. 30 orders wait": with_email(
        fault("latency", "3"), waiting=30
    ),
    "The next event kills email after its effect": with_email(fault("crash", "after")),
    "Email works on 1,200 that wait in its queue. At 15 a second that takes about 80 s": (
        with_email({"appliedPerSecond": 15}, ready=1200)
    ),
    "2 dead letters at email": with_email({"queue": QUEUE | {"dead": 2}}),
    "5 orders wait in the outbox, written down and safe": WELL
    | {"order": WELL["order"] | {"outbox": {"pending": 5}}, "relay": {"reason": "no lock"}},
    "The broker is away. New orders will wait in the outbox": WELL
    | {"relay": {"reason": "no route"}, "services": {"email": NO_BROKER, "sms": NO_BROKER}},
    "The order service takes no orders: an outage": WELL
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
    assert told(watched, state).endswith("And 1 more thing to see below.")


def test_a_services_reason_never_becomes_markup(watched: Watched) -> None:
    """A reason may quote data from a request."""
    evil = "<img src=x onerror=alert(1)>"
    found = watched.page.evaluate(
        """async evil => {
            const {make, say} = await import('/static/js/dom.js');
            const element = make('p', {}, evil);
            say(element, evil + '!');
            return [element.childElementCount, element.textContent];
        }""",
        evil,
    )
    assert found == [0, evil + "!"]
