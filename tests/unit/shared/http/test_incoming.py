"""A request is complete exactly at its last byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.incoming import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_RAW_BYTES, Incoming

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def of_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(pieces: list[bytes]) -> bytes:
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return CHUNKED + chunks + b"0\r\nTrailer: 1\r\n\r\n"


requests = st.one_of(
    st.just(HEAD + b"\r\n"),
    st.just(b"GET / HTTP/1.0\r\n\r\n"),
    st.binary(max_size=200).map(of_length),
    st.lists(st.binary(min_size=1, max_size=50), max_size=5).map(in_chunks),
)


def added(*pieces: bytes) -> Incoming:
    incoming = Incoming()
    for piece in pieces:
        incoming.add(piece)
    return incoming


@given(requests)
def test_a_request_is_complete_at_its_last_byte(request: bytes) -> None:
    incoming = Incoming()
    for byte in request[:-1]:
        incoming.add(bytes([byte]))
        assert not incoming.is_complete()
    incoming.add(request[-1:])
    assert incoming.is_complete()
    assert incoming.take() == (request, False)
    assert incoming.is_empty


@given(requests, requests)
def test_further_bytes_are_the_next_request(first: bytes, second: bytes) -> None:
    incoming = added(first + second)
    assert incoming.is_complete()
    assert incoming.take() == (first, False)
    assert incoming.is_complete()
    assert incoming.take() == (second, False)


@pytest.mark.parametrize(
    "malformed",
    [
        b"GET / HTTP/1.1\nHost: a",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 00000000000000000001\r\n\r\n",
        HEAD + b"Content-Length: 0x1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
        CHUNKED + b"1g\r\n",
        CHUNKED + b"-1\r\n",
    ],
)
def test_a_malformed_request_is_passed_on_and_nothing_after_it(malformed: bytes) -> None:
    incoming = added(malformed)
    assert incoming.is_complete()
    assert incoming.take() == (malformed, True)


def test_chunks_that_are_the_last_of_several_codings_are_measured() -> None:
    """The application refuses the other codings."""
    head = HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    incoming = added(head + b"1\r\nx\r\n")
    assert not incoming.is_complete()
    incoming.add(b"0\r\n\r\n")
    assert incoming.is_complete()


@pytest.mark.parametrize("length", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
def test_a_body_up_to_the_applications_limit_is_waited_for(length: int) -> None:
    request = of_length(b"x" * length)
    incoming = added(request[:-1])
    assert not incoming.is_complete()
    assert not incoming.head_is_too_long
    incoming.add(request[-1:])
    assert incoming.is_complete()
    assert incoming.take() == (request, False)


def test_a_body_announced_as_too_long_is_not_waited_for() -> None:
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 2)
    incoming = added(head)
    assert incoming.is_complete()
    assert incoming.take() == (head, True)


def test_endless_chunks_are_cut_at_the_applications_limit() -> None:
    incoming = added(CHUNKED)
    while not incoming.is_complete():
        incoming.add(b"400\r\n" + b"x" * 0x400 + b"\r\n")
    request, is_cut = incoming.take()
    assert is_cut
    assert MAX_BODY_BYTES < len(request) < 2 * MAX_BODY_BYTES


def test_a_chunk_is_not_cut_because_of_its_announced_size() -> None:
    incoming = added(CHUNKED + b"fffff\r\nx")
    assert not incoming.is_complete()
    while not incoming.is_complete():
        incoming.add(b"x" * 1000)
    request, is_cut = incoming.take()
    assert is_cut
    assert MAX_BODY_BYTES < len(request) < 2 * MAX_BODY_BYTES


def test_endless_trailers_are_cut_as_well() -> None:
    incoming = added(CHUNKED + b"0\r\n")
    while not incoming.is_complete():
        incoming.add(b"X: " + b"x" * 1000)
    request, is_cut = incoming.take()
    assert is_cut
    assert len(request) < MAX_RAW_BYTES + 2000


def test_an_endless_head_is_too_long() -> None:
    incoming = added(HEAD)
    assert not incoming.head_is_too_long
    incoming.add(b"x" * MAX_HEAD_BYTES)
    assert not incoming.is_complete()
    assert incoming.head_is_too_long


def test_100_continue_is_sent_once_per_request() -> None:
    waiting = added(HEAD + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    assert not waiting.is_complete()
    assert [waiting.wants_continue() for _ in range(3)] == [True, False, False]
    waiting.add(b"{}" + HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert waiting.is_complete()
    waiting.take()
    assert not waiting.is_complete()
    assert [waiting.wants_continue() for _ in range(2)] == [True, False]
    other = added(HEAD + b"Content-Length: 2\r\n\r\n")
    assert not other.is_complete()
    assert not other.wants_continue()
