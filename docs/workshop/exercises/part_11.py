"""Part 11: how much has to be under way? Change `prefetch`."""

import math  # noqa: F401 - a hint


def prefetch(rate: float, seconds: float, consumers: int) -> int:
    """For each of so many consumers. `rate`: messages a second; `seconds`: for one message."""
    return 1


# What it has to do. Leave this as it is.


def test_mails_that_take_two_seconds() -> None:
    assert prefetch(rate=15, seconds=2.0, consumers=1) == 30


def test_three_consumers_share_the_work() -> None:
    assert prefetch(rate=15, seconds=2.0, consumers=3) == 10


def test_half_a_message_is_rounded_up() -> None:
    assert prefetch(rate=15, seconds=0.1, consumers=1) == 2


def test_it_is_never_less_than_one() -> None:
    assert prefetch(rate=1, seconds=0.001, consumers=4) == 1
