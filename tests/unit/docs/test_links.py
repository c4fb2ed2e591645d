"""Every relative link in the Markdown files leads to an existing file and heading."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path()
#: A Markdown parser with tables, as on GitHub.
MARKDOWN = MarkdownIt("commonmark").enable("table")


def pages(root: Path = ROOT) -> list[Path]:
    """All Markdown files of the repository, without installed or cached ones."""
    found = (page.relative_to(root) for page in root.rglob("*.md"))
    return sorted(page for page in found if not any(part.startswith(".") for part in page.parts))


def dead_links(page: Path, root: Path = ROOT) -> list[str]:
    return [link for link in links(root / page) if not _leads_somewhere(link, root / page)]


def links(page: Path) -> Iterator[str]:
    """The targets of the page's links and images, except on other sites."""
    for token in _tokens(MARKDOWN.parse(page.read_text())):
        target = token.attrGet("href") or token.attrGet("src")
        if target and not urlsplit(str(target)).scheme:
            yield str(target)


def _leads_somewhere(link: str, page: Path) -> bool:
    parts = urlsplit(link)
    target = page.parent / unquote(parts.path) if parts.path else page
    if not target.exists():
        return False
    return not parts.fragment or parts.fragment in anchors(target)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings; a repeated one gets `…-1`."""
    found: set[str] = set()
    tokens = MARKDOWN.parse(page.read_text()) if page.suffix == ".md" else []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            found.add(_unused(_slug("".join(t.content for t in inline.children or [])), found))
    return found


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _unused(slug: str, used: set[str]) -> str:
    numbered = (f"{slug}-{number}" for number in range(1, len(used) + 1))
    return next(name for name in [slug, *numbered] if name not in used)


def _tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _tokens(token.children or [])


@pytest.mark.parametrize("page", pages(), ids=str)
def test_there_are_no_dead_links(page: Path) -> None:
    assert dead_links(page) == []


def test_the_main_pages_are_checked() -> None:
    assert {Path("README.md"), Path("docs/README.md"), Path("shared/transport/README.md")} <= set(
        pages()
    )


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# One `thing`, again\n\n## Twice\n\n## Twice\n")
    (tmp_path / "page.md").write_text(
        "[a](there.md) [b](there.md#one-thing-again) [c](there.md#twice-1) [d](#here)\n\n# Here\n\n"
        "[e](missing.md) [f](there.md#missing) [g](#missing) ![h](missing.png)\n\n"
        "| table |\n| --- |\n| [i](missing) |\n\n"
        "`[j](missing)` [k](https://example.com/missing) [l](there.md#twice-2)\n"
    )
    assert dead_links(Path("page.md"), tmp_path) == [
        "missing.md",
        "there.md#missing",
        "#missing",
        "missing.png",
        "missing",
        "there.md#twice-2",
    ]
