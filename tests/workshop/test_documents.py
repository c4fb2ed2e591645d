"""The documents beside the workshop whose boxes are run, and the article's proofs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.stack.process import ROOT
from tests.workshop.pages import consoles
from tests.workshop.reader import Reader

DOCS = ROOT / "docs"
ARTICLE = DOCS / "article.md"
#: Something that runs: a test, a part of the workshop, or a broken variant.
PROOF = re.compile(r"\]\((?:\.\./tests/|workshop/\d\d-|workshop/broken/)")
#: A response time, or how much later a service was done.
TIME = re.compile(r"\+?(?<![\d.])[\d.]+ (ms|s)\b(?!\. Here)")
BOX = re.compile(r"^```console\n", re.MULTILINE)


def mistakes() -> list[str]:
    """The sections about mistakes, each with its heading."""
    _before, text = ARTICLE.read_text().split("\n## What such articles get wrong\n")
    return re.split(r"^### ", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("section", mistakes(), ids=lambda text: text.splitlines()[0])
def test_a_mistake_is_proven_by_something_that_runs(section: str) -> None:
    assert PROOF.search(section) or BOX.search(section)


@pytest.mark.parametrize("page", [ARTICLE, DOCS / "using.md"], ids=lambda page: page.stem)
def test_the_output_matches_the_document(embedded: Reader, page: Path) -> None:
    embedded.read_up_to(page)


def test_the_demo_prints_what_the_front_page_shows(embedded: Reader) -> None:
    """`make demo` runs `orderctl demo` once everything is installed."""
    assert "orderctl demo $(ARGS)\n" in (ROOT / "Makefile").read_text()
    [box] = consoles(ROOT / "README.md")
    shown = TIME.sub("…", box.text).replace("$ make demo", "$ orderctl demo")
    embedded.do(replace(box, text=shown))
