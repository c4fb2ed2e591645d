"""Which output matches the page."""

import pytest

from tests.workshop.matching import insert, read

TABLE = ["service  ready  dead", "email        3     -"]


def test_equal_output_matches() -> None:
    assert read(TABLE, "service  ready  dead\nemail        3     -  \n", {}) == {}


def test_columns_may_be_wider() -> None:
    assert read(TABLE, "service     ready  dead\nemail           3     -\n", {}) == {}


@pytest.mark.parametrize(
    "seen",
    [
        "service  ready  dead\nemail        4     -\n",
        "service  ready  dead\n",
        "service  ready  dead\nemail        3     -\nsms          1     -\n",
        "",
    ],
)
def test_different_output_does_not_match(seen: str) -> None:
    assert read(TABLE, seen, {}) is None


def test_an_ellipsis_matches_anything_within_a_line() -> None:
    assert read(["a … c"], "a b b c", {}) == {}
    assert read(["a … c"], "a b\nc", {}) is None


@pytest.mark.parametrize(
    ("seen", "fits"),
    [("12 ms", True), ("1.9 s", True), ("2.0 s", False), ("3.5 s", False), ("11.0 s", False)],
)
def test_milliseconds_match_up_to_somewhat_more_than_a_second(seen: str, *, fits: bool) -> None:
    found = read(
        ["in … ms (median), and … ms at most"], f"in {seen} (median), and {seen} at most", {}
    )
    assert (found == {}) == fits


@pytest.mark.parametrize(
    ("shown", "early", "on_time", "late", "too_late"),
    [
        ("(+1.… s)", "(+0.9 s)", "(+1.0 s)", "(+2.1 s)", "(+6.0 s)"),
        ("(+6.… s)", "(+5.9 s)", "(+6.1 s)", "(+10.9 s)", "(+11.0 s)"),
        ("(+36.… s)", "(+6.3 s)", "(+36.1 s)", "(+40.9 s)", "(+136.1 s)"),
        ('"seconds": 2.…,', '"seconds": 1.998,', '"seconds": 2.003,', '"seconds": 3.4,', "3.4,"),
    ],
)
def test_seconds_may_be_more_but_never_less(
    shown: str, early: str, on_time: str, late: str, too_late: str
) -> None:
    found = [read([shown], seen, {}) for seen in (early, on_time, late, too_late)]
    assert found == [None, {}, {}, None]


def test_an_ellipsis_line_matches_any_number_of_lines() -> None:
    for seen in ("first\nlast", "first\none\ntwo\nlast"):
        assert read(["first", "…", "last"], seen, {}) == {}
    assert read(["first", "…", "last"], "first\none\n", {}) is None


def test_a_name_matches_the_same_word_everywhere() -> None:
    shown = ["ORDER_ID  once", "lost: ORDER_ID, …"]

    assert read(shown, "ord-1 once\nlost: ord-1, ord-2", {}) == {"ORDER_ID": "ord-1"}
    assert read(shown, "ord-1 once\nlost: ord-2, ord-1", {}) is None
    assert read(["ORDER_ID"], "ord-2", {"ORDER_ID": "ord-1"}) is None


def test_a_name_in_a_command_is_replaced_by_its_value() -> None:
    assert insert("orderctl journey ORDER_ID", {"ORDER_ID": "ord-1"}) == "orderctl journey ord-1"
    with pytest.raises(KeyError):
        insert("orderctl journey ORDER_ID", {})


def test_a_running_commands_output_may_have_further_lines() -> None:
    seen = "starting\nready\nstill ready\npress Ctrl-C\nand more\n"

    assert read(["ready", "press Ctrl-C"], seen, {}, more=True) == {}
    assert read(["press Ctrl-C", "ready"], seen, {}, more=True) is None
