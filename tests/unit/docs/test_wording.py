"""No text uses a phrase that `wording.txt` replaces with a standard term.

Texts are Markdown without its code, and the comments and strings of Python.
"""

import io
import re
import token
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.docs.test_named_paths import tracked

#: Path prefixes that are checked. Still to be added: "README.md" of every package, bench, loadtest,
#: orderctl, services, shared, shop, simulators, tests, tools.
CHECKED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/README.md",
    "docs/architecture.md",
    "docs/comparison/",
    "docs/decisions/",
    "docs/ideas/",
    "docs/workshop/",
)
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
TEXT_TOKENS = {token.COMMENT, token.STRING, getattr(token, "FSTRING_MIDDLE", token.STRING)}


def phrases() -> list[tuple[re.Pattern[str], str]]:
    lines = Path(__file__).with_name("wording.txt").read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(_pattern(phrase), instead) for phrase, instead in rows]


def _pattern(phrase: str) -> re.Pattern[str]:
    words = phrase.replace(" ", r"\s+")
    return re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE)


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


def texts() -> Sequence[Path]:
    kinds = (file for file in tracked() if file.suffix in (".md", ".py"))
    return sorted(file for file in kinds if str(file).startswith(CHECKED))


@pytest.mark.parametrize("text", texts(), ids=str)
def test_a_text_uses_the_standard_terms(text: Path) -> None:
    assert list(findings(prose(text))) == []


def test_a_home_made_term_is_found(tmp_path: Path) -> None:
    page, module = tmp_path / "page.md", tmp_path / "module.py"
    page.write_text("Email is\naway.\n\n```\nanew\n```\n\nNot `mend`.\n")
    module.write_text('"""Ask whoever knows."""\n\nmend = "is away"  # anew\n')
    assert list(findings(prose(page))) == ["'is away': write is unavailable, is down"]
    assert [each.split(":")[0] for each in findings(prose(module))] == [
        "'is away'",
        "'anew'",
        "'whoever'",
    ]
