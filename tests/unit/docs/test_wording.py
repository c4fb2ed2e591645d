"""Markdown, comments and strings use the standard terms, and no phrase from `wording.txt`."""

import io
import re
import token
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.test_named_paths import texts

CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
TEXT_TOKENS = {token.COMMENT, token.STRING, getattr(token, "FSTRING_MIDDLE", token.STRING)}


def phrases() -> Iterator[tuple[re.Pattern[str], str]]:
    for line in Path(__file__).with_name("wording.txt").read_text().splitlines():
        if not line.startswith("#"):
            phrase, instead = line.split("\t")
            words = phrase.replace(" ", r"\s+")
            yield re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE), instead


def findings(text: str) -> Iterator[str]:
    """Each phrase to replace, and what with."""
    for pattern, instead in phrases():
        for found in pattern.finditer(text):
            yield f"{' '.join(found[0].split())!r}: write {instead}"


def prose(file: Path) -> str:
    if file.suffix == ".md":
        return CODE.sub("", file.read_text())
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text()).readline)
    return "\n".join(each.string for each in tokens if each.type in TEXT_TOKENS)


#: This file has phrases as examples.
NOT_CHECKED = Path("tests/unit/docs/test_wording.py")
CHECKED = [text for text in texts() if text != NOT_CHECKED]


@pytest.mark.parametrize("text", CHECKED, ids=str)
def test_a_text_uses_the_standard_terms(text: Path) -> None:
    assert list(findings(prose(text))) == []


def test_a_home_made_term_is_found(tmp_path: Path) -> None:
    page, module = tmp_path / "page.md", tmp_path / "module.py"
    page.write_text("Email is\naway.\n\n```\nanew\n```\n\nNot `mend`.\n")
    module.write_text('"""Ask whoever knows."""\n\nmend = "is away"  # anew\n')
    found = [*findings(prose(page)), *findings(prose(module))]
    assert [each.split("'")[1] for each in found] == ["is away", "is away", "anew", "whoever"]
