"""An outage and recovery on the page: a queue fills and drains."""

from orderctl.stack.stack import Stack
from tests.browser.watched import Watched


def test_a_queue_fills_while_email_is_down_and_then_drains(watched: Watched) -> None:
    done = watched.done("email")
    watched.switch("email", "Down")
    watched.until(lambda: "down (injected)" in watched.row("email").inner_text(), "email is down")
    watched.place_many(40, rate=4)  # 10 s, so that a busy machine also sees it fill
    filling = [watched.waiting("email")]
    while filling[-1] < 40:
        watched.until(lambda: watched.waiting("email") > filling[-1], "its queue fills")
        filling.append(watched.waiting("email"))
    assert filling == sorted(filling)
    assert len(filling) > 3

    story = "Email is down. 40 orders are waiting in its queue. Nothing is lost"
    watched.until(lambda: story in watched.text("#story"), "what happens is explained")
    assert story not in watched.row("email").inner_text()
    watched.until(lambda: watched.done("sms") == done + 40, "the others go on")
    assert watched.done("email") == done
    assert watched.light() == "working"

    watched.switch("email", "Down")
    watched.until(lambda: watched.waiting("email") < 40, "its queue drains")
    watched.until(lambda: watched.light() == "done", "nothing is lost")
    watched.until(lambda: watched.waiting("email") == 0, "its queue is empty")
    watched.until(lambda: watched.done("email") == done + 40, "and all are done")


def test_a_killed_service_is_dimmed_with_the_age_of_its_figures(
    watched: Watched, stack: Stack
) -> None:
    stack.kill("email")
    row = watched.row("email")
    watched.until(lambda: row.get_attribute("data-stale") is not None, "it is dimmed")
    watched.until(lambda: "no response; data is" in row.inner_text(), "its age is said")
    before = watched.done("sms")
    watched.place_one("events")
    text = "1 order is waiting in its queue. Nothing is lost."
    watched.until(lambda: text in watched.text("#story"), "what waits is known all the same")
    assert text not in row.inner_text()
    watched.until(lambda: watched.done("sms") == before + 1, "the others go on")
    watched.until(lambda: watched.light() == "unknown", "nothing is claimed of what is silent")

    stack.start("email")
    watched.until(lambda: row.get_attribute("data-stale") is None, "it is back")
    watched.until(lambda: watched.light() == "done", "and has done what waited", within=60)


def test_orders_wait_in_the_outbox_while_the_relay_is_down(watched: Watched, stack: Stack) -> None:
    stack.stop("order-relay")
    watched.until(lambda: "relay paused" in watched.text("#node-outbox"), "it is seen")
    watched.place_many(5, rate=50)
    watched.until(lambda: watched.text("#outbox-pending") == "5", "the outbox keeps them")
    story = "5 orders are waiting safely in the outbox"
    watched.until(lambda: story in watched.text("#story"), "what happens is explained")
    stack.start("order-relay")
    watched.until(lambda: watched.text("#outbox-pending") == "0", "they are published", within=60)
    watched.until(lambda: watched.light() == "done", "and done", within=60)


def test_a_journey_continues_when_the_order_service_is_back(watched: Watched, stack: Stack) -> None:
    watched.place_one("events")
    watched.until(watched.newest_order, "it is listed")
    order_id = str(watched.newest_order()).removeprefix("Follow ")
    stack.stop("order")
    watched.page.get_by_label("Order id").fill(order_id)
    watched.page.get_by_role("button", name="Follow", exact=True).click()
    watched.until(lambda: "does not respond" in watched.text("#journey"), "it says why not")
    stack.start("order")
    done = watched.page.locator('#journey .hops > [data-state="done"]')
    watched.until(lambda: done.count() == 6, "every hop is done", within=60)


def test_a_lost_connection_is_reported_and_stale_figures_are_dimmed(
    watched: Watched, stack: Stack
) -> None:
    stack.stop("dashboard")
    watched.page.wait_for_selector('body[data-link="lost"]')
    watched.until(
        lambda: "The connection to the dashboard is lost" in watched.text("#lost"), "it is said"
    )
    flow = "getComputedStyle(document.getElementById('flow')).opacity"
    assert watched.page.evaluate(flow) == "0.4"

    stack.start("dashboard")
    stack.wait_ready(["dashboard"])
    watched.until_live()
    assert not watched.page.locator("#lost").is_visible()
    assert watched.page.evaluate(flow) == "1"
