"""Progress without a terminal, errors as sentences, and one JSON document on standard output."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from orderctl.errors import CommandError, EvidenceUnreadable, UsageError
from orderctl.output import count, end, print_json, printable, seconds
from orderctl.progress import Lines
from shared.errors import BrokerUnavailable, PipelineError, QueuesMissing, SettingsError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_short_work_prints_no_progress() -> None:
    written: list[str] = []
    clock = Clock()
    lines = Lines(written.append, interval=5.0, clock=clock)

    lines("at once")
    clock.now = 4.0
    lines("still early")

    assert written == []


def test_without_a_terminal_progress_lines_are_rare_and_never_repeated() -> None:
    written: list[str] = []
    clock = Clock()
    lines = Lines(written.append, interval=5.0, clock=clock)

    for second, text in enumerate(["a"] * 8 + ["b"] * 8):
        clock.now = float(second)
        lines(text)

    assert written == ["a", "b"]


def test_the_last_state_is_printed_at_the_end() -> None:
    written: list[str] = []
    lines = Lines(written.append, clock=Clock())

    lines("20 of 20")
    lines.finish()
    lines.finish()

    assert written == ["20 of 20"]


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CommandError("say what to do"), 1),
        (UsageError("say what to do"), 2),
        (SettingsError("say what to do"), 2),
        (EvidenceUnreadable("say what to do"), 3),
        (BrokerUnavailable("say what to do"), 1),
        (PipelineError("say what to do"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_a_sentence_and_a_status(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        end(raising(error), as_json=False)

    out, err = capsys.readouterr()
    assert ended.value.code == status
    assert out == ""
    assert "Traceback" not in err
    assert ("say what to do" in err) == (not isinstance(error, KeyboardInterrupt))


def test_with_json_an_error_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        end(raising(CommandError("say what to do")), as_json=True)

    assert msgspec.json.decode(capsys.readouterr().out) == {"error": "say what to do"}


def test_a_document_contains_exact_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"total": Decimal("90071992547409.93")})

    assert capsys.readouterr().out == '{\n  "total": 90071992547409.93\n}\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("\x1b[2J", "\\x1b[2J"), ("é 日本", "é 日本"), ("a\r\nb", "a\\r\nb")],
)
def test_terminal_escapes_are_printed_visibly(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_durations_and_counts_are_readable() -> None:
    assert [seconds(value) for value in (0.0091, 0.9999, 2.04)] == ["9 ms", "1.0 s", "2.0 s"]
    assert [count(number, "order") for number in (0, 1, 1200)] == [
        "0 orders",
        "1 order",
        "1,200 orders",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BrokerUnavailable("connection refused"), "set BROKER_URL"),
        (QueuesMissing(["email_service_queue"], {}), "python -m shared.topology"),
    ],
)
def test_a_brokers_missing_queues_are_reported(
    error: BrokerUnavailable, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        end(raising(error), as_json=False)
    err = capsys.readouterr().err
    assert said in err
    assert ("is unavailable" in err) == (not isinstance(error, QueuesMissing))
