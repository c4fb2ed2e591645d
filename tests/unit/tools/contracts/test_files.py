"""The files under docs/contracts/ are up to date."""

from pathlib import Path

from tools.contracts.__main__ import main
from tools.contracts.files import generated, stale


def test_the_files_equal_the_generated_ones() -> None:
    assert stale() == [], "run make contracts, and look at what has changed"
    assert main(check=True) is None


def test_a_changed_file_is_reported(tmp_path: Path) -> None:
    for path, content in generated().items():
        there = tmp_path / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(content)
    assert stale(tmp_path) == []
    (tmp_path / "docs/contracts/openapi/email.json").write_text("{}")
    (tmp_path / "docs/contracts/openapi/mail.json").write_text("{}")
    (tmp_path / "docs/contracts/asyncapi/kafka.json").unlink()
    assert [path.name for path in stale(tmp_path)] == ["kafka.json", "email.json", "mail.json"]
