"""The ledger of responses survives a crash of its writer."""

import threading
from pathlib import Path

import pytest

from orderctl.audit.facts import Answer
from orderctl.audit.ledger import Ledger, read_ledger
from orderctl.errors import CommandError, EvidenceUnreadable
from tests.builders import NO_DOCUMENTS


def test_appended_entries_are_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "accepted.ndjson"
    answers = [Answer("ord-1", "event-1"), Answer("ord-2")]

    with Ledger(path) as ledger:
        for answer in answers:
            ledger.append(answer)

    assert list(read_ledger(path)) == answers


def test_an_entry_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "accepted.ndjson"

    with Ledger(path) as ledger:
        ledger.append(Answer("ord-1"))
        assert list(read_ledger(path)) == [Answer("ord-1")]


def test_a_second_writer_adds_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "accepted.ndjson"
    for order_id in ("ord-1", "ord-2"):
        with Ledger(path) as ledger:
            ledger.append(Answer(order_id))

    assert [answer.order_id for answer in read_ledger(path)] == ["ord-1", "ord-2"]


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "accepted.ndjson"
    with Ledger(path) as ledger:
        writers = [
            threading.Thread(target=lambda n=n: ledger.append(Answer(f"ord-{n}")))
            for n in range(20)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

    assert {a.order_id for a in read_ledger(path)} == {f"ord-{n}" for n in range(20)}


def test_a_line_truncated_by_a_crash_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "accepted.ndjson"
    path.write_bytes(b'{"orderId":"ord-1"}\n{"orderId":"or')

    assert list(read_ledger(path)) == [Answer("ord-1")]


@pytest.mark.parametrize("line", [b'{"order":1}', *filter(None, NO_DOCUMENTS.values())])
def test_an_invalid_line_is_reported(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "accepted.ndjson"
    path.write_bytes(b'{"orderId":"ord-1"}\n' + line + b"\n")

    with pytest.raises(EvidenceUnreadable, match="line 2"):
        list(read_ledger(path))


def test_an_unwritable_file_is_reported_before_any_order(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="use another file"):
        Ledger(tmp_path)
