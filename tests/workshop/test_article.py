"""`docs/article.md`: its commands, and that it proves what it says."""

import re

import pytest

from orderctl.stack.process import ROOT
from tests.workshop.reader import Reader

ARTICLE = ROOT / "docs" / "article.md"
#: Something that runs: a test, a part of the workshop, or a broken variant.
PROOF = re.compile(r"\]\((?:\.\./tests/|workshop/\d\d-|workshop/broken/)")
BOX = re.compile(r"^```console\n", re.MULTILINE)


def mistakes() -> list[str]:
    """The sections about mistakes, each with its heading."""
    _before, text = ARTICLE.read_text().split("\n## What such articles get wrong\n")
    return re.split(r"^### ", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("section", mistakes(), ids=lambda text: text.splitlines()[0])
def test_a_mistake_is_proven_by_something_that_runs(section: str) -> None:
    assert PROOF.search(section) or BOX.search(section)


def test_the_output_matches_the_article(embedded: Reader) -> None:
    embedded.read_up_to(ARTICLE)
