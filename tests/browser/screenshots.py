"""`python -m tests.browser.screenshots` takes the pictures of the page for the READMEs.

It starts a whole system, places orders, takes email down, and takes screenshots.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from orderctl.stack.parts import WORK_TIMES
from orderctl.stack.stack import Stack
from shared.transport import LADDER
from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.system import a_system
from tests.browser.watched import Watched

FOLDER = Path("docs/pictures")
DESK: Mapping[str, Any] = {"viewport": {"width": 1440, "height": 800}}
PHONE: Mapping[str, Any] = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2}


def quiet(watched: Watched) -> None:
    watched.place_many(12, rate=20)
    watched.until(lambda: watched.light() == "done", "all is done")
    watched.page.evaluate("scrollTo(0, 0)")


def outage(watched: Watched) -> None:
    """Email is down while orders arrive and the other services continue."""
    watched.switch("email", "Down")
    watched.place_many(150, rate=20)
    watched.page.evaluate("scrollTo(0, 0)")
    watched.until(lambda: watched.waiting("email") >= 80, "a queue is filled")


def lanes(watched: Watched) -> None:
    for _ in range(3):
        watched.place_one("events")
        watched.place_one("calls")
        watched.page.wait_for_timeout(700)
    watched.bring("Place orders")
    watched.page.wait_for_timeout(600)


def journey(watched: Watched) -> None:
    watched.page.locator(".orders tbody button").first.click()
    watched.until(lambda: "Thank you" in watched.text("#journey"), "its mail is there")
    watched.bring("Orders")


def recovery(watched: Watched) -> None:
    watched.switch("email", "Down")
    watched.page.evaluate("scrollTo(0, 0)")
    watched.until(lambda: 0 < watched.waiting("email") < 100, "its queue drains", within=60)


#: In order: the file's name, the preparation, and the element to show.
PICTURES: tuple[tuple[str, Callable[[Watched], None], Mapping[str, Any]], ...] = (
    ("page-quiet", quiet, DESK),
    ("page-lanes", lanes, DESK),
    ("page-journey", journey, DESK),
    ("page-outage", outage, DESK),
    ("page-outage-phone", lambda _watched: None, PHONE),
    ("page-recovery-dark", recovery, {**DESK, "color_scheme": "dark"}),
)


def take_all(stack: Stack, browser: Browser, folder: Path) -> Iterator[Path]:
    for name, prepare, look in PICTURES:
        with opened(stack, browser, look) as watched:
            prepare(watched)
            watched.page.wait_for_timeout(900)
            path = folder / f"{name}.png"
            watched.page.screenshot(path=path)
            yield path


@contextmanager
def opened(stack: Stack, browser: Browser, look: Mapping[str, Any]) -> Iterator[Watched]:
    context = browser.new_context(**look)
    yield Watched(context.new_page(), stack.urls["dashboard"], stack.plan.operator_token)
    context.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as files,
        a_system(Path(files), work_times=WORK_TIMES, ladder=LADDER) as stack,
        chromium(find_chromium() or sys.exit(MISSING)) as browser,
    ):
        for path in take_all(stack, browser, folder):
            print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
