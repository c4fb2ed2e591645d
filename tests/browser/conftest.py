"""A whole system with its page, and a browser in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from orderctl.stack.stack import Stack
from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.system import a_system
from tests.browser.watched import Watched, problems_of
from tests.conftest import give_up


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium(find_chromium() or give_up(MISSING)) as started:
        yield started


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """For all tests of a file: each leaves it as it found it, with nothing broken."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with a_system(folder) as started:
        yield started


@pytest.fixture
def watched(browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Watched]:
    """The page, in a browser that has never seen it; it may not complain about anything.

    What is seen is recorded: `playwright show-trace …/trace.zip` plays it.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.tracing.start(screenshots=True)
    page = context.new_page()
    problems = problems_of(page)
    yield Watched(page, stack.urls["dashboard"], stack.plan.operator_token)
    context.tracing.stop(path=tmp_path / "trace.zip")
    context.close()
    assert problems == []
