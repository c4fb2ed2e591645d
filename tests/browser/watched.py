"""The page as a test sees and uses it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

#: ms. Only a test that fails waits for this long.
PATIENCE = 30_000


class Watched:
    """`token` is that of the stack behind the page."""

    def __init__(self, page: Page, url: str, token: str) -> None:
        self.page = page
        self._token = token
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        self.until_live()

    def until_live(self) -> None:
        self.page.wait_for_selector('body[data-link="live"]')
        self.page.wait_for_selector(".row")

    def row(self, service: str) -> Locator:
        return self.page.locator(f'.row[data-service="{service}"]')

    def waiting(self, service: str) -> int:
        """The number above its queue."""
        return _number(self.row(service).locator(".queue-head b"))

    def done(self, service: str) -> int:
        return _number(self.row(service).locator(".ends b"))

    def light(self) -> str | None:
        return self.page.get_attribute("#verdict", "data-light")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def until(self, condition: Callable[[], object], what: str, *, within: float = 30.0) -> None:
        """Poll until it holds; fail saying what never came."""
        for _ in range(int(within / 0.1)):
            if condition():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{what}: not within {within:g} s")

    def newest_order(self) -> str | None:
        """As its button calls it; None while there is none."""
        return self.page.locator(".orders tbody button").first.get_attribute("aria-label")

    # --- what a person does -------------------------------------------------------------------

    def place_one(self, lane: str) -> None:
        self.page.locator(f'[data-lane="{lane}"]').get_by_role(
            "button", name="Place one order"
        ).click()

    def place_many(self, number: int, *, rate: float, lane: str = "events") -> None:
        form = self.page.locator(f'[data-lane="{lane}"] form')
        form.get_by_label("how many orders").fill(str(number))
        form.get_by_label("orders a second").fill(f"{rate:g}")
        form.get_by_role("button", name="Place many").click()

    def switch(self, service: str, words: str) -> None:
        """Turn a fault on or off, saying the token when it is asked for."""
        switch = self.page.locator(f'fieldset[data-service="{service}"]').get_by_role(
            "switch", name=words
        )
        wanted = "false" if switch.get_attribute("aria-checked") == "true" else "true"
        switch.click()
        self.say_token_when_asked(lambda: switch.get_attribute("aria-checked") == wanted)

    def say_token_when_asked(self, done: Callable[[], object]) -> None:
        dialog = self.page.locator("#token")
        self.until(lambda: dialog.is_visible() or done(), "neither done nor asked for the token")
        if dialog.is_visible():
            dialog.get_by_label("Token", exact=True).fill(self._token)
            dialog.get_by_role("button", name="Go on").click()
            self.until(done, "what the token was for")

    def bring(self, title: str) -> None:
        heading = self.page.get_by_role("heading", name=title, exact=True)
        heading.evaluate("heading => heading.closest('section').scrollIntoView()")


def _number(place: Locator) -> int:
    """-1 where there is none."""
    text = place.inner_text().replace(",", "")
    return int(text) if text.isdigit() else -1


def problems_of(page: Page) -> list[str]:
    """Collects, from now on, what the page's scripts and its security policy complain about."""
    seen: list[str] = []

    def note(message: Any) -> None:
        # That a service refuses is part of what is tested, and Chromium logs each refusal.
        if message.type == "error" and "Failed to load resource" not in message.text:
            seen.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: seen.append(str(error)))
    return seen
