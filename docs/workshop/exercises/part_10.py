"""Part 10: which broker should a team choose? Change `choose`."""


def choose(needs: set[str]) -> str:
    """Returns `a queue`, `a log` or `a table`. The table in part 10 explains the needs."""
    return "a log"


# The tests. Leave them as they are.


def test_a_shop_that_sends_invoices() -> None:
    assert choose({"share the work", "retry each piece"}) == "a queue"


def test_a_bank_that_keeps_the_bookings_of_each_account_in_order() -> None:
    assert choose({"order by key", "read the past"}) == "a log"


def test_a_portal_whose_events_every_team_reads() -> None:
    assert choose({"many readers", "share the work"}) == "a log"


def test_a_tool_for_one_office() -> None:
    assert choose({"share the work", "one machine"}) == "a table"
