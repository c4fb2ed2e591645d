"""The report of `orderctl compare` in a real browser, without network or scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from orderctl.compare.charts.charts import NAMES
from orderctl.compare.files import write_report
from tests.compare_sample import SCENARIOS, sample

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(sample(), folder)
    return folder / "report.html"


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The report's page, which must load nothing else and cause no errors."""
    context = browser.new_context(viewport=request.param, java_script_enabled=False, offline=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.on("console", lambda each: said.append(each.text))
    page.goto(report.as_uri())
    yield page
    page.screenshot(path=report.with_name(f"{request.node.callspec.id}.png"), full_page=True)
    context.close()
    assert (asked, said) == ([report.as_uri()], [])


def test_all_pictures_are_displayed(page: Page) -> None:
    boxes = [picture.bounding_box() for picture in page.locator("figure svg").all()]
    assert len(boxes) == len(NAMES)
    assert all(box and box["width"] > 300 and box["height"] > 100 for box in boxes)


def test_nothing_is_wider_than_the_screen(page: Page, browser: Browser) -> None:
    viewport = page.viewport_size
    assert viewport
    widths = [
        box["width"] for each in page.locator("body *").all()[:400] if (box := each.bounding_box())
    ]
    assert max(widths) <= viewport["width"]


def test_each_scenario_has_a_table_with_a_caption(page: Page) -> None:
    captions = page.locator("article > table > caption").all_inner_texts()
    assert captions == [f"{title}, 5 orders per second" for title, _ in SCENARIOS.values()]


def test_reasons_for_failures_can_be_expanded(page: Page) -> None:
    details = page.locator("article:has(#email-down) details")
    assert not details.locator("table").is_visible()
    details.locator("summary").click()
    assert details.locator("table").is_visible()
