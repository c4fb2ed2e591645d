"""Parsing positions of stored events as users write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SpanError
from shared.transport import Offset
from shared.transport.archive import LARGEST_OFFSET, Point, bare, parse_point, point_text

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("beginning", None),
        ("0", Offset(0)),
        ("20260304", Offset(20260304)),
        ("3:1200", Offset(1200, 3)),
        ("2026-03-04T12:00:00Z", NOON),
        ("2026-03-04T13:00:00+01:00", NOON),
        ("2026-03-04T12:00", NOON),
        ("2026-03-04", NOON.replace(hour=0)),
    ],
)
def test_a_position_is_the_beginning_a_time_or_an_offset(text: str, point: Point | None) -> None:
    assert parse_point(text) == point


@pytest.mark.parametrize(
    "text",
    [
        *("", "Beginning", "-1", "1.5", "3:", ":3", "1:2:3", "yesterday", "²", "9" * 30),
        *(str(LARGEST_OFFSET + 1), "0001-01-01T00:00:00+14:00", "2026-13-01", "\x00"),
    ],
)
def test_any_other_position_is_refused_with_valid_forms(text: str) -> None:
    with pytest.raises(SpanError):
        parse_point(text)


@given(st.text())
def test_any_text_is_a_position_or_refused(text: str) -> None:
    with suppress(SpanError):
        assert parse_point(text) == parse_point(point_text(parse_point(text)))


points = st.one_of(
    st.none(),
    st.builds(Offset, st.integers(0, LARGEST_OFFSET), st.none() | st.integers(0, 999_999)),
    st.datetimes(timezones=st.just(UTC)),
)


@given(points)
def test_a_written_position_is_read_as_the_same(point: Point | None) -> None:
    assert parse_point(point_text(point)) == point


def test_without_partitions_no_partition_can_be_given() -> None:
    assert bare(Offset(3)) == Offset(3)
    assert bare(NOON) == NOON
    assert bare(None) is None
    with pytest.raises(SpanError, match="3, not 0:3"):
        bare(Offset(3, partition=0))
