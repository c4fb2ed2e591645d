"""A whole system with its page, and a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from orderctl.stack.stack import Stack
from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.system import a_system
from tests.browser.watched import Watched, problems_of
from tests.conftest import skip_or_fail


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium(find_chromium() or skip_or_fail(MISSING)) as started:
        yield started


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The system for all tests of a file; each test leaves it without faults."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with a_system(folder) as started:
        yield started


@pytest.fixture
def watched(browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Watched]:
    """The page in a fresh browser context; script or policy errors fail the test.

    A trace is recorded: `playwright show-trace …/trace.zip` shows it.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.tracing.start(screenshots=True)
    page = context.new_page()
    problems = problems_of(page)
    yield Watched(page, stack.urls["dashboard"], stack.plan.operator_token)
    context.tracing.stop(path=tmp_path / "trace.zip")
    context.close()
    assert problems == []
