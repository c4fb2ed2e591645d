"""README.md: short, with figures from the published data, and no picture without a page."""

import json
import subprocess
from pathlib import Path

from tests.unit.docs.test_links import links, pages

README = Path("README.md")
PICTURES = (".png", ".gif", ".webp")
MOST_WORDS = 700


def test_the_front_page_is_short() -> None:
    assert len(README.read_text().split()) <= MOST_WORDS


def test_the_waiting_times_are_those_of_the_published_comparison() -> None:
    waterfalls = json.loads(Path("docs/comparison/comparison.json").read_text())["waterfalls"]
    waited = {each["mode"]: each["answered"] for each in waterfalls}
    sync, parallel, rest = waited["sync"], waited["parallel"], round(waited["async"], 2) * 1000
    told = f"{sync:.1f} s for calls in turn, {parallel:.1f} s for parallel calls, and {rest:.0f} ms"
    assert told in README.read_text()


def test_every_picture_is_on_a_page() -> None:
    listed = ["git", "ls-files", "docs"]
    files = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    shown = {(page.parent / link).resolve() for page in pages() for link in links(page)}
    shown |= {(README.parent / source).resolve() for source in _sources()}
    pictures = [Path(file) for file in files if file.endswith(PICTURES)]
    assert [file for file in pictures if file.resolve() not in shown] == []


def _sources() -> list[str]:
    """The files of `<picture>` elements, which Markdown does not know."""
    return [part.split('"')[0] for part in README.read_text().split('srcset="')[1:]]
