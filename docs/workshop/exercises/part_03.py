"""Part 3: which bindings of a topic exchange match a routing key? Change `matches`."""

import pytest


def matches(binding: str, key: str) -> bool:
    """`*` in a binding stands for exactly one word, `#` for any number of words, including none."""
    return binding == key


# The tests. Leave them as they are.


@pytest.mark.parametrize(
    ("binding", "key"),
    [
        ("order.placed", "order.placed"),
        ("order.*", "order.placed"),
        ("*.placed", "order.placed"),
        ("#", "order.placed"),
        ("order.#", "order"),
        ("order.#", "order.placed.again"),
        ("#.again", "order.placed.again"),
    ],
)
def test_these_match(binding: str, key: str) -> None:
    assert matches(binding, key)


@pytest.mark.parametrize(
    ("binding", "key"),
    [("order.*", "order"), ("order.*", "order.placed.again")],
)
def test_a_star_is_exactly_one_word(binding: str, key: str) -> None:
    assert not matches(binding, key)
