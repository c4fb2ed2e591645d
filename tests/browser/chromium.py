"""Chromium as the system has it: from Debian's packages, or whatever it is called elsewhere."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "there is no Chromium: on Debian, apt-get install chromium"


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, and the only page that is opened here is our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
