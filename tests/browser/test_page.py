"""The main features of the page, in a real browser, on a real system."""

import re

from orderctl.stack.stack import Stack
from tests.browser.watched import Watched


def test_a_placed_order_is_shown_done_by_every_service(watched: Watched) -> None:
    before = watched.done("email")
    watched.place_one("events")
    lane = watched.page.locator('[data-lane="events"]')
    watched.until(lambda: re.match(r"[0-9]", lane.locator(".big").inner_text()), "a time is shown")
    watched.until(lambda: lane.locator(".big[data-waiting]").count() == 0, "it is answered")
    watched.until(lambda: watched.done("email") == before + 1, "email's count goes up by one")
    watched.until(lambda: watched.light() == "done", "the light says done")
    said = rf"{before + 1} of {before + 1} accepted orders? complete, checked .* ago"
    watched.until(lambda: re.match(said, watched.text("#verdict-detail")), "it stands for this one")


#: Records every text shown before the result, however fast the response is.
KEEP_WHAT_THE_CLOCK_SHOWS = """
    const clock = document.querySelector('[data-lane="calls"] .big');
    window.shown = [];
    new MutationObserver(() => "waiting" in clock.dataset && window.shown.push(clock.innerText))
        .observe(clock, {childList: true, characterData: true, subtree: true, attributes: true});
"""


def test_a_synchronous_customer_is_shown_waiting(watched: Watched) -> None:
    watched.page.evaluate(KEEP_WHAT_THE_CLOCK_SHOWS)
    watched.place_one("calls")
    watched.until(lambda: watched.page.evaluate("window.shown.length") > 0, "it waits")
    clock = watched.page.locator('[data-lane="calls"] .big')
    watched.until(lambda: clock.get_attribute("data-waiting") is None, "it is answered")
    shown = list(map(_seconds, watched.page.evaluate("window.shown")))
    assert shown == sorted(shown), "the time grows while it waits"
    assert len(set(shown)) > 3
    assert _seconds(clock.inner_text()) >= 0.7
    bar = watched.page.locator('[data-lane="calls"] .bars li').first
    assert bar.get_attribute("data-state") == "done"


def _seconds(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"s": 1, "ms": 0.001}[unit]


def test_many_orders_are_placed_at_a_rate_and_dots_move(watched: Watched) -> None:
    before = watched.done("analytics")
    watched.place_many(30, rate=15)
    watched.page.wait_for_selector(".dots circle.placed[visibility=visible]", state="attached")
    watched.page.wait_for_selector(".dots circle.applied[visibility=visible]", state="attached")
    watched.until(lambda: watched.done("analytics") == before + 30, "all are done by analytics")
    watched.until(lambda: watched.done("email") == before + 30, "and by email")
    watched.until(lambda: watched.light() == "done", "all are done by all")


def test_a_journey_shows_every_hop_the_mail_and_the_text(watched: Watched) -> None:
    before = watched.newest_order()
    watched.place_one("events")
    watched.until(lambda: watched.newest_order() != before, "it is listed")
    watched.page.locator(".orders tbody button").first.click()
    journey = watched.page.locator("#journey")
    hops = journey.locator(".hops > li")
    watched.until(lambda: hops.count() == 6, "every hop is listed")
    # The mail is shown before the last service is done.
    done = journey.locator('.hops > [data-state="done"]')
    watched.until(lambda: done.count() == 6, "every hop is done")
    watched.until(lambda: "Thank you for your order" in journey.inner_text(), "the mail")
    assert re.search(r"Your order ord-\S+ for €[0-9.]+ is confirmed", journey.inner_text())
    assert watched.page.evaluate("document.activeElement.id") == "journey-title"


def test_an_unknown_order_is_reported(watched: Watched) -> None:
    watched.page.get_by_label("Order id").fill("ord-of-nobody")
    watched.page.get_by_role("button", name="Follow", exact=True).click()
    watched.until(lambda: "there is no order" in watched.text("#journey"), "it says so")


def test_a_wrong_token_changes_nothing_and_the_right_one_is_entered_once(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    page.locator('fieldset[data-service="sms"]').get_by_role("switch", name="Slow").click()
    page.get_by_label("Token", exact=True).fill("not-the-token-at-all")
    page.get_by_role("button", name="Continue").click()
    watched.until(lambda: "not the operator token" in watched.text("#token"), "it is refused")
    page.get_by_role("button", name="Cancel").click()
    assert not page.locator("#token").is_visible()

    watched.switch("sms", "Slow")
    watched.until(lambda: "slow (injected)" in watched.row("sms").inner_text(), "sms is slow")
    assert page.evaluate("document.cookie") == ""
    assert stack.plan.operator_token not in page.evaluate("JSON.stringify(sessionStorage)")
    page.reload()
    watched.until_live()
    page.locator('fieldset[data-service="sms"]').get_by_role("switch", name="Slow").click()
    watched.until(lambda: "running" in watched.row("sms").inner_text(), "sms is quick again")
    assert not page.locator("#token").is_visible()


def test_failing_events_are_retried_dead_lettered_browsed_and_redriven(watched: Watched) -> None:
    watched.switch("inventory", "Failing")
    watched.until(
        lambda: "Half of inventory's attempts fail" in watched.text("#story"),
        "what follows is explained",
    )
    # Enough that some fail all four attempts; with 200, one run in 400,000 has none.
    watched.place_many(200, rate=100)
    rung = watched.page.locator('.row[data-service="inventory"] .rung[data-some]')
    watched.until(lambda: rung.count() > 0, "a rung holds some")
    dead = watched.row("inventory").locator(".dead b")
    watched.until(lambda: int(dead.inner_text()) > 0, "an event is given up", within=60)
    watched.switch("inventory", "Failing")

    letters = watched.page.locator("#letters")
    letters.get_by_role("button", name="inventory").click()
    letters.locator("summary").first.click()
    assert '"order.placed"' in letters.locator("pre").first.inner_text()
    watched.until(lambda: watched.row("inventory").locator(".rung[data-some]").count() == 0, "calm")
    letters.get_by_role("button", name="Redrive all").click()
    watched.until(lambda: "redriven" in letters.inner_text(), "they are sent back")
    watched.until(lambda: watched.light() == "done", "and every order is done")


def test_a_replay_is_started_and_reports_its_result(watched: Watched) -> None:
    watched.bring("Replay")
    watched.page.get_by_role("button", name="Replay", exact=True).click()
    replays = watched.page.locator(".replays > li")
    watched.enter_token_if_prompted(lambda: replays.count() > 0)
    watched.until(lambda: "done, a dry run" in replays.first.inner_text(), "it is done")
    assert re.search(r"[0-9]+ read, 0 applied", replays.first.inner_text())
