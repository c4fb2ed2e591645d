"""The journey command, with fake responses and with those of the order service."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import httpx
import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.errors import CommandError
from orderctl.journey.command import ask, read
from orderctl.journey.report import print_journey
from orderctl.stack.ports import free_ports
from tests.builders import NO_DOCUMENTS
from tests.documented_service import THE_ORDER, DocumentedService
from tests.serving import served

URL = "http://127.0.0.1:8000"


def time(second: int) -> str:
    return f"2026-03-04T05:06:{second:02}Z"


def stop(state: str, **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "attempts": 0,
        "at": None,
        "reason": None,
        "nextAt": None,
        "history": [],
    }
    return {"state": state} | nothing | more


def step(name: str, second: int, reason: str = "") -> dict[str, Any]:
    return {"step": name, "attempt": 1, "reason": reason, "nextAt": None, "at": time(second)}


def shown(
    outbox: str = "published", *, more: dict[str, Any] | None = None, **services: dict[str, Any]
) -> str:
    """The output for an order placed in second 7."""
    about = {"orderId": "ord-1", "eventId": "evt-1", "placedAt": time(7), "outbox": outbox}
    answer = msgspec.json.encode(about | (more or {}) | {"services": services})
    screen = StringIO()
    print_journey(read(answer, URL), Console(file=screen, width=160, markup=False))
    return screen.getvalue()


def line(text: str, *words: str) -> str:
    """The only line with these words, its columns separated by one space."""
    [found] = [line for line in text.splitlines() if all(word in line for word in words)]
    return " ".join(found.split())


def fake(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(create_app(), ["journey", *arguments], env={"COLUMNS": "200"})


def test_each_service_has_a_line_with_the_time_since_the_order_was_placed() -> None:
    text = shown(
        email=stop("retrying", attempts=1, at=time(9), nextAt=time(14), reason="SMTP 451"),
        sms=stop("applied", attempts=1, at=time(8)),
    )
    email = "1 2026-03-04 05:06:09 UTC (+2.0 s) 2026-03-04 05:06:14 UTC (+7.0 s) SMTP 451"
    assert line(text, "email") == f"email retrying {email}"
    assert line(text, "sms") == "sms applied 1 2026-03-04 05:06:08 UTC (+1.0 s)"


def test_an_applied_step_shows_its_duration() -> None:
    text = shown(
        email=stop("working", attempts=1, at=time(9), startedAt=time(9)),
        sms=stop("applied", attempts=1, at=time(9), startedAt=time(8)),
    )
    assert line(text, "sms") == "sms applied 1 2026-03-04 05:06:09 UTC (+2.0 s) 1.0 s"
    assert line(text, "email") == "email working 1 2026-03-04 05:06:09 UTC (+2.0 s)"


def test_a_synchronous_order_shows_its_calls() -> None:
    late = {"stage": "sms", "outcome": "timed_out", "startedSeconds": 2, "seconds": 5}
    stages = [late | {"reason": "no answer within 5 s"}]
    done = {"status": "failed", "mode": "sync", "stages": stages}
    text = shown("none", more=done, sms=stop("undone"))
    assert "its event evt-1 is never published." in text
    assert "In mode sync it is failed." in text
    assert line(text, "timed-out") == "sms timed-out 2.0 s 5.0 s no answer within 5 s"


def test_a_slow_clock_gives_a_time_before_the_order() -> None:
    assert "(-2.0 s)" in line(shown(sms=stop("applied", attempts=1, at=time(5))), "sms")


def test_the_steps_of_all_services_are_sorted_by_time() -> None:
    text = shown(
        email=stop("waiting", history=[step("dead_lettered", 9, "550 no"), step("redriven", 20)]),
        sms=stop("retrying", history=[step("retried", 12)]),
    )
    steps = text.partition("Earlier steps:")[2]
    found = [words.split()[5:7] for words in steps.splitlines() if "UTC" in words]
    assert found == [["email", "dead-lettered"], ["sms", "retried"], ["email", "redriven"]]
    assert line(steps, "dead-lettered").endswith("dead-lettered 1 550 no")


def test_without_steps_there_is_no_section_for_them() -> None:
    assert "on the way" not in shown(sms=stop("waiting"))


def test_a_dead_letter_comes_with_the_command_that_shows_it() -> None:
    dead = stop("dead_lettered", attempts=4, at=time(9), reason="550")
    assert "dlq show email evt-1" in shown(email=dead, sms=stop("applied"))
    assert "dlq show" not in shown(sms=stop("applied"))


@pytest.mark.parametrize(
    ("outbox", "said"),
    [
        ("waiting", "is in the outbox"),
        ("set_aside", "was set aside in the outbox"),
        ("published", "is published"),
    ],
)
def test_it_shows_whether_the_event_was_published(outbox: str, said: str) -> None:
    assert f"its event evt-1 {said}." in shown(outbox, sms=stop("waiting"))


def test_an_event_set_aside_has_its_reason_and_a_remedy() -> None:
    text = shown("set_aside", more={"outboxReason": "headers\nis null"}, sms=stop("waiting"))
    assert "cannot be published: headers is null. Repair its row in the table" in text
    assert "cannot be published" not in shown("waiting", sms=stop("waiting"))


def test_a_reason_is_one_line_without_terminal_escapes() -> None:
    text = shown(sms=stop("waiting", reason="\x1b[31mred\nand [bold]fat[/bold]"))
    assert "\\x1b[31mred and [bold]fat[/bold]" in line(text, "sms")


def test_the_order_services_response_is_understood(sqlite_url: str) -> None:
    with (
        DocumentedService(sqlite_url) as service,
        httpx.Client(transport=httpx.WSGITransport(app=service.app)) as client,
    ):
        journey = read(ask(client, URL, THE_ORDER), URL)
    assert (journey.order_id, journey.outbox) == (THE_ORDER, "waiting")
    states = {name: stop.state for name, stop in journey.services.items()}
    assert states == {"email": "applied", "sms": "unknown"}
    assert [step.reason for step in journey.services["email"].history] == ["550"]


def test_the_document_equals_the_order_services_response(sqlite_url: str) -> None:
    with DocumentedService(sqlite_url) as service, served(service.app) as url:
        words, document = run(THE_ORDER, "--url", url), run(THE_ORDER, "--url", url, "--json")
        answer = httpx.get(f"{url}/orders/{THE_ORDER}/journey", trust_env=False)
    assert (words.exit_code, document.exit_code) == (0, 0)
    assert line(words.stdout, "sms").startswith("sms unknown 0 no response")
    assert msgspec.json.decode(document.stdout) == answer.json()


def test_an_unknown_order_gives_a_sentence_and_status_1(sqlite_url: str) -> None:
    with (
        DocumentedService(sqlite_url) as service,
        httpx.Client(transport=httpx.WSGITransport(app=service.app)) as client,
        pytest.raises(CommandError, match=r"has no order ord-9: check the id") as caught,
    ):
        ask(client, URL, "ord-9")
    assert caught.value.status == 1


def test_an_id_is_escaped_in_the_path() -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200)

    ask(fake(answer), URL + "/", "a/b?c#d e")
    assert asked == [b"/orders/a%2Fb%3Fc%23d%20e/journey"]


def test_a_failing_order_service_is_reported() -> None:
    with pytest.raises(CommandError, match=r"responded with 503: run .* doctor"):
        ask(fake(lambda _request: httpx.Response(503)), URL, "ord-1")


@pytest.mark.parametrize("content", [b"{}", *NO_DOCUMENTS.values()])
def test_an_invalid_journey_is_not_from_the_order_service(content: bytes) -> None:
    with pytest.raises(CommandError, match=r"is not the order service .* set ORDER_URL"):
        read(content, URL)


def test_an_unavailable_order_service_gives_a_sentence_and_a_document() -> None:
    url = f"http://127.0.0.1:{free_ports()['order']}"
    words, document = run("ord-1", "--url", url), run("ord-1", "--url", url, "--json")
    assert (words.exit_code, words.stdout, document.exit_code) == (1, "", 1)
    for part in (f"does not respond at {url}", "start it", "ORDER_URL"):
        assert part in words.stderr
    assert url in msgspec.json.decode(document.stdout)["error"]
    assert "Traceback" not in words.output
