"""Foreign JSON is read as the expected type, or refused with one kind of error."""

import msgspec
import pytest

from shared.errors import DocumentError
from shared.http.documents import read_document
from tests.builders import NO_DOCUMENTS


class Answer(msgspec.Struct):
    reason: str


def test_a_document_is_read_as_the_expected_type() -> None:
    assert read_document(b'{"reason": "none", "more": 1}', Answer) == Answer("none")
    assert read_document('{"reason": "none"}', Answer) == Answer("none")


@pytest.mark.parametrize("content", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
def test_anything_else_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(DocumentError, match=r"\w"):
        read_document(content, Answer)
