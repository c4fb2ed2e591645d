"""The pages themselves: complete, short, and without dead links."""

import re
from pathlib import Path

import pytest

from tests.workshop.pages import FOLDER, WAYS, commands, consoles, part_pages
from tests.workshop.solutions import exercise

ROOT = FOLDER.parents[1]
PAGES = sorted(FOLDER.glob("*.md"))
PARTS = part_pages(1, 12)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MOST_LINES = 230


def names(page: Path) -> str:
    return page.stem


def test_there_are_twelve_parts_and_the_front_page_lists_each() -> None:
    front = (FOLDER / "README.md").read_text()

    assert len(PARTS) == 12
    assert [page.name for page in PARTS if f"]({page.name})" not in front] == []


@pytest.mark.parametrize("page", PARTS, ids=names)
def test_a_part_has_question_commands_explanation_and_exercise(page: Path) -> None:
    text = page.read_text()

    for heading in ("## Run", "## See", "## Why", "## Exercise"):
        assert heading in text
    assert re.search(r"^\*\*.+\?\*\* · (15|20) minutes", text, re.MULTILINE)
    assert "<summary>Hint</summary>" in text
    assert "<summary>Solution</summary>" in text
    assert exercise(page).exists()
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_no_link_is_dead(page: Path) -> None:
    text = CODE.sub("", page.read_text())
    links = [link for link in LINK.findall(text) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
@pytest.mark.parametrize("way", WAYS)
def test_every_command_started_in_a_terminal_is_stopped_there(page: Path, way: str) -> None:
    typed = [
        command.typed
        for block in consoles(page)
        if block.terminal == "first-terminal" and block.is_for(way)
        for command in commands(block)
    ]

    assert typed.count("^C") == len(typed) - typed.count("^C")


def test_preparations_use_make_targets_or_known_programs() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    typed = [
        command.typed
        for page in PAGES
        for block in consoles(page)
        if "prepare" in block.words
        for command in commands(block)
    ]

    for words in (re.sub(r"^([A-Z_]+=\S+ )+", "", each).split() for each in typed):
        assert words[0] in ("make", "docker", "export", "alias", "python3")
        assert words[0] != "make" or words[1] in targets
