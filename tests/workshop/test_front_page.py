"""The front page of the workshop."""

from tests.workshop.reader import FRONT_PAGE, Reader


def test_what_the_front_page_shows_is_what_is_seen(embedded: Reader) -> None:
    embedded.read_page(FRONT_PAGE)
