"""axe-core finds no violation in any view, and the page works without a mouse or motion."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from orderctl.stack.stack import Stack
from tests.browser.watched import Watched

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True},
    "more contrast": {"contrast": "more"},
}


COUNT_WHAT_IS_SPOKEN = """
    window.spoken = 0;
    new MutationObserver(() => window.spoken++)
        .observe(document.getElementById("spoken"), {childList: true});
"""


def violations(watched: Watched) -> list[tuple[str, list[str]]]:
    """Rule and elements of each violation."""
    found = Axe().run(watched.page).response["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_violation(browser: Browser, stack: Stack, look: str) -> None:
    context = browser.new_context(**LOOKS[look])
    watched = Watched(context.new_page(), stack.urls["dashboard"], stack.plan.operator_token)
    watched.place_one("events")
    watched.switch("sms", "Slow")
    watched.until(lambda: watched.done("analytics") > 0, "an order is done")
    watched.page.locator(".orders tbody button").first.click()
    watched.until(lambda: watched.page.locator(".hops").count() == 1, "its journey is shown")
    assert violations(watched) == []
    watched.page.get_by_role("button", name="Large").click()
    assert violations(watched) == []
    watched.switch("sms", "Slow")
    context.close()


def test_axe_finds_no_violation_in_the_token_dialog(watched: Watched) -> None:
    watched.page.get_by_role("switch").first.click()
    watched.until(lambda: watched.page.locator("#token").is_visible(), "the token is asked for")
    assert violations(watched) == []


@pytest.mark.parametrize("width", [360, 768, 1024, 1920])
def test_nothing_is_wider_than_the_screen(watched: Watched, width: int) -> None:
    watched.place_one("events")
    watched.until(lambda: watched.page.locator(".orders .mark[data-done]").count() >= 4, "a list")
    watched.page.locator(".orders tbody button").first.click()
    watched.until(lambda: watched.page.locator(".hops").count() == 1, "a journey")
    watched.page.set_viewport_size({"width": width, "height": 800})
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert watched.page.evaluate(wide) == 0
    watched.page.get_by_role("button", name="Large").click()
    assert watched.page.evaluate(wide) == 0


def test_an_order_is_placed_and_followed_with_the_keyboard_only(watched: Watched) -> None:
    page = watched.page
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Place one order":
            break
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    follow = page.locator('[data-lane="events"] .bars button').first
    follow.wait_for()
    follow.focus()
    page.keyboard.press("Enter")
    watched.until(lambda: page.locator(".hops").count() == 1, "its journey is shown")


def test_a_screen_reader_announces_changes_but_not_every_number(watched: Watched) -> None:
    watched.switch("email", "Down")
    watched.until(lambda: "Email is down" in watched.text("#spoken"), "it is said", within=30)
    watched.page.evaluate(COUNT_WHAT_IS_SPOKEN)
    watched.place_many(60, rate=20)
    watched.until(
        lambda: "60 orders are waiting" in watched.text("#story"), "numbers change on the page"
    )
    assert watched.page.evaluate("window.spoken") == 0
    watched.switch("email", "Down")
    watched.until(lambda: "Email is down" not in watched.text("#spoken"), "what is new is said")
    watched.until(lambda: watched.light() == "done", "all is done")


def test_nothing_moves_with_reduced_motion(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(reduced_motion="reduce")
    watched = Watched(context.new_page(), stack.urls["dashboard"], stack.plan.operator_token)
    before = watched.done("analytics")
    watched.place_many(10, rate=20)
    watched.until(lambda: watched.done("analytics") == before + 10, "numbers go on")
    assert watched.page.locator(".dots circle").count() == 0
    context.close()
