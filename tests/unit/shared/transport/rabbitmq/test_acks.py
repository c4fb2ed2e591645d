"""What goes on the wire settles exactly what was asked for, in whatever order it was asked."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.transport.rabbitmq.acks import Ack, Acks


class Wire:
    """The broker's side of a channel: deliveries that wait for their acknowledgement."""

    def __init__(self, delivered: int) -> None:
        self.open = set(range(1, delivered + 1))
        self.frames = 0

    def receive(self, acks: Sequence[Ack]) -> set[int]:
        """Returns what these frames settled."""
        before = set(self.open)
        for ack in acks:
            # RabbitMQ closes the channel for a tag that is not open, also with `multiple`.
            assert ack.tag in self.open, f"{ack} names a delivery that is not open"
            self.open -= set(range(1, ack.tag + 1)) if ack.multiple else {ack.tag}
            self.frames += 1
        return before - self.open


@st.composite
def flushes(draw: st.DrawFn) -> list[list[int]]:
    """Tags of a channel, each settled once, in any order and in portions of any size."""
    tags = draw(st.permutations(range(1, draw(st.integers(1, 60)) + 1)))
    settled = tags[: draw(st.integers(0, len(tags)))]
    cuts = sorted(draw(st.sets(st.integers(0, len(settled)))))
    edges = [0, *cuts, len(settled)]
    return [settled[start:end] for start, end in pairwise(edges)]


@given(flushes())
def test_the_wire_settles_exactly_what_was_asked_for(portions: list[list[int]]) -> None:
    acks, wire = Acks(), Wire(delivered=60)
    for portion in portions:
        assert wire.receive(acks.coalesce(portion)) == set(portion)


@given(flushes())
def test_it_never_takes_more_frames_than_deliveries(portions: list[list[int]]) -> None:
    acks, wire = Acks(), Wire(delivered=60)
    for portion in portions:
        wire.receive(acks.coalesce(portion))
    assert wire.frames <= sum(map(len, portions))


@given(flushes())
def test_what_the_wire_has_settled_is_forgotten(portions: list[list[int]]) -> None:
    """A channel may live for months, and nothing else shows what it keeps."""
    acks = Acks()
    settled = {tag for portion in portions for tag in portion}
    for portion in portions:
        acks.coalesce(portion)
    without_a_gap = next(tag for tag in range(1, 62) if tag not in settled)
    assert acks._ahead == {tag for tag in settled if tag > without_a_gap}


@given(st.integers(1, 500), st.integers(1, 50))
def test_what_is_settled_in_order_takes_one_frame_a_portion(count: int, size: int) -> None:
    acks = Acks()
    for start in range(1, count + 1, size):
        end = min(start + size - 1, count)
        assert acks.coalesce(range(start, end + 1)) == [Ack(end, multiple=True)]


def test_what_is_settled_out_of_turn_is_acknowledged_one_by_one() -> None:
    assert Acks().coalesce([5, 3]) == [Ack(3, multiple=False), Ack(5, multiple=False)]


def test_a_frame_for_many_does_not_name_one_that_was_acknowledged_before() -> None:
    acks = Acks()
    acks.coalesce([2])
    assert acks.coalesce([1]) == [Ack(1, multiple=True)]
    assert acks.coalesce([3, 5]) == [Ack(3, multiple=True), Ack(5, multiple=False)]


def test_a_gap_that_closes_lets_the_next_frame_settle_many_again() -> None:
    acks = Acks()
    acks.coalesce([2, 3])
    assert acks.coalesce([1, 4, 5]) == [Ack(5, multiple=True)]


def test_nothing_settled_is_no_frame() -> None:
    assert Acks().coalesce([]) == []
