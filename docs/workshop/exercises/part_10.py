"""Part 10: which broker does a team take? Change `choose`."""


def choose(needs: set[str]) -> str:
    """`a queue`, `a log` or `a table`, for what the table in part 10 calls needs."""
    return "a log"


# What it has to do. Leave this as it is.


def test_a_shop_that_sends_invoices() -> None:
    assert choose({"share the work", "retry each piece"}) == "a queue"


def test_a_bank_that_keeps_every_booking_of_an_account_in_order() -> None:
    assert choose({"order by key", "read the past"}) == "a log"


def test_a_portal_of_whose_events_every_team_wants_something() -> None:
    assert choose({"many readers", "share the work"}) == "a log"


def test_a_tool_for_one_office() -> None:
    assert choose({"share the work", "one machine"}) == "a table"
