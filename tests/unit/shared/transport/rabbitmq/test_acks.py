"""The ack frames settle exactly the requested deliveries, in any order."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.transport.rabbitmq.acks import Ack, Acks


class Wire:
    """The broker's side of a channel: unacknowledged deliveries."""

    def __init__(self, delivered: int) -> None:
        self.open = set(range(1, delivered + 1))
        self.frames = 0

    def receive(self, acks: Sequence[Ack]) -> set[int]:
        """Apply these frames; returns the settled delivery tags."""
        before = set(self.open)
        for ack in acks:
            # RabbitMQ closes the channel on an unknown delivery tag, also with `multiple`.
            assert ack.tag in self.open, f"{ack} names an unknown delivery"
            self.open -= set(range(1, ack.tag + 1)) if ack.multiple else {ack.tag}
            self.frames += 1
        return before - self.open


@st.composite
def flushes(draw: st.DrawFn) -> list[list[int]]:
    """Delivery tags, each settled once, in any order and in batches of any size."""
    tags = draw(st.permutations(range(1, draw(st.integers(1, 60)) + 1)))
    settled = tags[: draw(st.integers(0, len(tags)))]
    cuts = sorted(draw(st.sets(st.integers(0, len(settled)))))
    edges = [0, *cuts, len(settled)]
    return [settled[start:end] for start, end in pairwise(edges)]


@given(flushes())
def test_the_frames_settle_exactly_the_requested_deliveries(portions: list[list[int]]) -> None:
    acks, wire = Acks(), Wire(delivered=60)
    for portion in portions:
        assert wire.receive(acks.coalesce(portion)) == set(portion)


@given(flushes())
def test_there_are_never_more_frames_than_deliveries(portions: list[list[int]]) -> None:
    acks, wire = Acks(), Wire(delivered=60)
    for portion in portions:
        wire.receive(acks.coalesce(portion))
    assert wire.frames <= sum(map(len, portions))


@given(flushes())
def test_settled_deliveries_are_forgotten(portions: list[list[int]]) -> None:
    """A channel may be open for months, and no other test shows a leak."""
    acks = Acks()
    settled = {tag for portion in portions for tag in portion}
    for portion in portions:
        acks.coalesce(portion)
    without_a_gap = next(tag for tag in range(1, 62) if tag not in settled)
    assert acks._ahead == {tag for tag in settled if tag > without_a_gap}


@given(st.integers(1, 500), st.integers(1, 50))
def test_deliveries_settled_in_order_take_one_frame_per_batch(count: int, size: int) -> None:
    acks = Acks()
    for start in range(1, count + 1, size):
        end = min(start + size - 1, count)
        assert acks.coalesce(range(start, end + 1)) == [Ack(end, multiple=True)]


def test_deliveries_settled_out_of_order_are_acknowledged_one_by_one() -> None:
    assert Acks().coalesce([5, 3]) == [Ack(3, multiple=False), Ack(5, multiple=False)]


def test_a_multiple_ack_does_not_name_an_acknowledged_delivery() -> None:
    acks = Acks()
    acks.coalesce([2])
    assert acks.coalesce([1]) == [Ack(1, multiple=True)]
    assert acks.coalesce([3, 5]) == [Ack(3, multiple=True), Ack(5, multiple=False)]


def test_after_a_gap_is_closed_one_frame_settles_many_again() -> None:
    acks = Acks()
    acks.coalesce([2, 3])
    assert acks.coalesce([1, 4, 5]) == [Ack(5, multiple=True)]


def test_without_settled_deliveries_there_is_no_frame() -> None:
    assert Acks().coalesce([]) == []
