"""Part 8: up to where is everything done? Change `next_offset`."""


def next_offset(position: int, done: set[int]) -> int:
    """Where a group goes on after a crash. `position`: where it would have gone on so far."""
    return max(done, default=position - 1) + 1


# What it has to do. Leave this as it is.


def test_what_is_done_in_turn_moves_the_offset() -> None:
    assert next_offset(5, {5, 6, 7}) == 8


def test_one_that_is_not_done_holds_the_offset() -> None:
    assert next_offset(5, {6, 7}) == 5


def test_up_to_the_gap() -> None:
    assert next_offset(5, {5, 6, 8, 9}) == 7


def test_it_never_goes_back() -> None:
    assert next_offset(5, {3, 4}) == 5
