"""Helpers with which tests read and use the page."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

#: ms. Only a failing test waits this long.
PATIENCE = 30_000


class Watched:
    """`token` is the operator token of the stack behind the page."""

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
        """The number above the service's queue."""
        return _number(self.row(service).locator(".queue-head b"))

    def done(self, service: str) -> int:
        return _number(self.row(service).locator(".ends b"))

    def light(self) -> str | None:
        return self.page.get_attribute("#verdict", "data-light")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def until(self, condition: Callable[[], object], what: str, *, within: float = 30.0) -> None:
        """Poll until the condition holds; the failure names `what`."""
        for _ in range(int(within / 0.1)):
            if condition():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{what}: not within {within:g} s")

    def newest_order(self) -> str | None:
        """The id on the newest order's button; None if there is none."""
        return self.page.locator(".orders tbody button").first.get_attribute("aria-label")

    # --- what a person does -------------------------------------------------------------------

    def place_one(self, lane: str) -> None:
        self.page.locator(f'[data-lane="{lane}"]').get_by_role(
            "button", name="Place one order"
        ).click()

    def place_many(self, number: int, *, rate: float, lane: str = "events") -> None:
        form = self.page.locator(f'[data-lane="{lane}"] form')
        form.get_by_label("how many orders").fill(str(number))
        form.get_by_label("orders per second").fill(f"{rate:g}")
        form.get_by_role("button", name="Place many").click()

    def switch(self, service: str, words: str) -> None:
        """Turn a fault on or off, entering the token if prompted."""
        switch = self.page.locator(f'fieldset[data-service="{service}"]').get_by_role(
            "switch", name=words
        )
        wanted = "false" if switch.get_attribute("aria-checked") == "true" else "true"
        switch.click()
        self.enter_token_if_prompted(lambda: switch.get_attribute("aria-checked") == wanted)

    def enter_token_if_prompted(self, done: Callable[[], object]) -> None:
        dialog = self.page.locator("#token")
        self.until(lambda: dialog.is_visible() or done(), "neither done nor asked for the token")
        if dialog.is_visible():
            dialog.get_by_label("Token", exact=True).fill(self._token)
            dialog.get_by_role("button", name="Continue").click()
            self.until(done, "what the token was for")

    def bring(self, title: str) -> None:
        heading = self.page.get_by_role("heading", name=title, exact=True)
        heading.evaluate("heading => heading.closest('section').scrollIntoView()")


def _number(place: Locator) -> int:
    """The number in the text, or -1."""
    text = place.inner_text().replace(",", "")
    return int(text) if text.isdigit() else -1


def problems_of(page: Page) -> list[str]:
    """Collect script errors and security policy violations from now on."""
    seen: list[str] = []

    def note(message: Any) -> None:
        # Refusals by services are tested on purpose, and Chromium logs each one.
        if message.type == "error" and "Failed to load resource" not in message.text:
            seen.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: seen.append(str(error)))
    return seen
