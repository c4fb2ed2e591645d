"""Part 8: up to which offset is everything done? Change `next_offset`."""


def next_offset(position: int, done: set[int]) -> int:
    """The offset to commit: where a group continues after a crash. `position`: the last one."""
    return max(done, default=position - 1) + 1


# The tests. Leave them as they are.


def test_events_done_in_order_move_the_offset() -> None:
    assert next_offset(5, {5, 6, 7}) == 8


def test_an_unfinished_event_holds_the_offset() -> None:
    assert next_offset(5, {6, 7}) == 5


def test_it_stops_at_the_gap() -> None:
    assert next_offset(5, {5, 6, 8, 9}) == 7


def test_it_never_goes_back() -> None:
    assert next_offset(5, {3, 4}) == 5
