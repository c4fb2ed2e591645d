"""Messages as headers: writing and reading are symmetric."""

from hypothesis import given
from hypothesis import strategies as st

from shared.transport import DeadLetter, Failure, Message
from shared.transport.message import MAX_REASON, from_headers, to_headers
from shared.transport.names import dead_letter_queue, retry_queue, work_queue

text = st.text(min_size=1, max_size=50)
failures = st.none() | st.builds(Failure, text, text)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    return Message(
        id=draw(text),
        type=draw(text),
        source=draw(text),
        time=draw(text),
        key=draw(text),
        body=draw(st.binary()),
        traceparent=draw(st.text()),
        attempt=draw(st.integers(1, 9999)),
        first_failure=draw(failures),
        last_failure=draw(failures),
    )


@given(messages(), st.sampled_from(["ce_", "cloudEvents_"]))
def test_a_message_survives_its_headers(message: Message, prefix: str) -> None:
    assert from_headers(to_headers(message, prefix), message.body, prefix) == message


@given(st.dictionaries(st.text(), st.text()), st.binary())
def test_foreign_headers_give_a_message_with_the_exact_body(
    headers: dict[str, str], body: bytes
) -> None:
    assert from_headers(headers, body, "ce_").body == body


def test_an_invalid_attempt_header_counts_as_the_first() -> None:
    attempts = [from_headers({"x-attempt": a}, b"", "").attempt for a in ("", "-1", "²", "1" * 99)]
    assert attempts == [1, 1, 1, 1]


def test_a_failure_uses_an_attempt_and_the_first_one_is_kept() -> None:
    first, last = Failure("refused", "t1"), Failure("timeout", "t2")
    message = Message(id="e", type="t", source="", time="", key="", body=b"")
    failed = message.failed(first).failed(last)
    assert (failed.attempt, failed.first_failure, failed.last_failure) == (3, first, last)
    assert failed.as_new() == message


def test_a_reason_is_limited_since_it_is_sent_in_a_header() -> None:
    assert len(Failure.now("x" * 100_000).reason) == MAX_REASON


def test_a_dead_letter_without_an_id_gets_a_handle_from_its_body() -> None:
    def letter(id: str, body: bytes) -> DeadLetter:
        message = Message(id=id, type="", source="", time="", key="", body=body)
        return DeadLetter(message, "odd", "t")

    assert letter("e-1", b"a").handle == "e-1"
    assert letter("", b"a").handle == letter("", b"a").handle
    assert letter("", b"a").handle != letter("", b"b").handle


def test_queue_names_show_their_purpose() -> None:
    assert work_queue("email") == "email_service_queue"
    assert dead_letter_queue("email") == "email_service_queue.dlq"
    rungs = [retry_queue("email", rung) for rung in (1.0, 5.0, 0.2, 1.5)]
    assert rungs == [f"email_service_queue.retry.{d}" for d in ("1s", "5s", "200ms", "1500ms")]
