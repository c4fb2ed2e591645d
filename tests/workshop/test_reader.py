"""A page that does not say what is so turns red, and says where. None of these starts a shop."""

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


def test_a_page_that_is_right_is_green(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console", "$ echo one && echo two\none\ntwo")))


def test_another_output_is_red_and_said_with_its_place(embedded: Reader, write: Write) -> None:
    page = write("# A page\n\n" + block("console", "$ echo lost\nkept"))

    with pytest.raises(AssertionError, match=r"page\.md:3: `echo lost` shows\n\nlost\n"):
        embedded.read_page(page)


def test_a_command_that_fails_is_red_unless_the_page_says_so(
    embedded: Reader, write: Write
) -> None:
    failing = "$ echo broken && false\nbroken"

    embedded.read_page(write(block("console fails", failing)))
    with pytest.raises(AssertionError, match="ended with status 1"):
        embedded.read_page(write(block("console", failing)))


def test_one_that_does_not_fail_is_red_where_the_page_says_that_it_does(
    embedded: Reader, write: Write
) -> None:
    with pytest.raises(AssertionError, match="ended with status 0"):
        embedded.read_page(write(block("console fails", "$ echo fine\nfine")))


def test_what_only_takes_a_moment_is_waited_for(
    embedded: Reader, write: Write, tmp_path: Path
) -> None:
    count = f"echo x >> {tmp_path}/tries; wc -l < {tmp_path}/tries"

    embedded.read_page(write(block("console eventually", f"$ {count}\n3")))


def test_a_block_for_another_way_is_left_out(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console kafka", "$ false") + block("console prepare", "$ x")))


def test_an_alias_holds_for_what_follows(embedded: Reader, write: Write) -> None:
    embedded.read_page(write(block("console", "$ alias say='echo it is'\n$ say so\nit is so")))


def test_a_command_goes_on_until_ctrl_c(embedded: Reader, write: Write) -> None:
    ends = "trap 'echo the end; exit' INT; echo ready; while true; do sleep 0.1; done"
    page = block("console first-terminal", f"$ {ends}\nready")
    page += block("console first-terminal", "^C\nthe end")

    embedded.read_page(write(page))


def test_one_that_ends_by_itself_before_it_shows_what_it_should_is_red(
    embedded: Reader, write: Write
) -> None:
    with pytest.raises(AssertionError, match="and not, as the page"):
        embedded.read_page(write(block("console first-terminal", "$ echo ended\nready")))


def test_a_word_that_means_nothing_is_refused(embedded: Reader, write: Write) -> None:
    with pytest.raises(ValueError, match="means nothing"):
        embedded.read_page(write(block("console evntually", "$ true")))
