"""A wrong page fails with the place of the difference. None of these tests starts a shop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop.reader import Reader

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def page(text: str) -> Path:
        file = tmp_path / "page.md"
        file.write_text(text)
        return file

    return page


def block(words: str, text: str) -> str:
    return f"```{words}\n{text}\n```\n"


def test_a_correct_page_passes(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console", "$ echo one && echo two\none\ntwo")))


def test_different_output_fails_with_its_place(embedded: Reader, write: Write) -> None:
    page = write("# A page\n\n" + block("console", "$ echo lost\nkept"))

    with pytest.raises(AssertionError, match=r"page\.md:3: `echo lost` shows\n\nlost\n"):
        embedded.read_page(page)


def test_a_failing_command_fails_unless_the_page_expects_it(embedded: Reader, write: Write) -> None:
    failing = "$ echo broken && false\nbroken"

    embedded.read_page(write(block("console fails", failing)))
    with pytest.raises(AssertionError, match="ended with status 1"):
        embedded.read_page(write(block("console", failing)))


def test_a_successful_command_fails_where_the_page_expects_an_error(
    embedded: Reader, write: Write
) -> None:
    with pytest.raises(AssertionError, match="ended with status 0"):
        embedded.read_page(write(block("console fails", "$ echo fine\nfine")))


def test_an_eventually_block_is_repeated_until_it_matches(
    embedded: Reader, write: Write, tmp_path: Path
) -> None:
    count = f"echo x >> {tmp_path}/tries; wc -l < {tmp_path}/tries"

    embedded.read_page(write(block("console eventually", f"$ {count}\n3")))


def test_a_block_for_another_setup_is_skipped(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console kafka", "$ false") + block("console prepare", "$ x")))


def test_an_alias_applies_to_later_commands(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console", "$ alias say='echo it is'\n$ say so\nit is so")))


def test_a_command_keeps_running_until_ctrl_c(embedded: Reader, write: Write) -> None:
    ends = "trap 'echo the end; exit' INT; echo ready; while true; do sleep 0.1; done"
    page = block("console first-terminal", f"$ {ends}\nready")
    page += block("console first-terminal", "^C\nthe end")

    embedded.read_page(write(page))


def test_a_running_command_that_ends_too_early_fails(embedded: Reader, write: Write) -> None:
    with pytest.raises(AssertionError, match="and not, as the page"):
        embedded.read_page(write(block("console first-terminal", "$ echo ended\nready")))


def test_an_unknown_word_is_refused(embedded: Reader, write: Write) -> None:
    with pytest.raises(ValueError, match="means nothing"):
        embedded.read_page(write(block("console evntually", "$ true")))
