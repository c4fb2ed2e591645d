"""Code quoted in documents equals the code."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.quoting import NotFound, quote

IDEAS = sorted(Path("docs/ideas").glob("*.md"))
BEGIN, END = "<!-- [[[cog", "<!-- [[[end]]] -->"


def cog(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cogapp", "-P", "-p", "from tools.quoting import quote"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_every_quotation_equals_the_code() -> None:
    assert IDEAS
    checked = cog("--check", *map(str, IDEAS))
    assert checked.returncode == 0, f"run make quotes: {checked.stdout} {checked.stderr}"


def test_a_different_quotation_is_detected(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f'{BEGIN} print(quote("shared/events.py", "is_id")) ]]] -->\n{END}\n')
    assert cog("--check", str(page)).returncode != 0
    assert cog("-r", str(page)).returncode == 0
    assert cog("--check", str(page)).returncode == 0
    page.write_text(page.read_text().replace("is not None", "is None"))
    assert cog("--check", str(page)).returncode != 0


@pytest.mark.parametrize("page", IDEAS, ids=lambda page: page.stem)
def test_all_python_in_the_pages_is_quoted(page: Path) -> None:
    outside = "".join(part.partition(END)[2] or part for part in page.read_text().split(BEGIN))
    assert "```python" not in outside
    assert len(page.read_text().splitlines()) <= 140


def test_a_function_a_method_and_a_constant_can_be_quoted() -> None:
    assert "def is_id(text: str) -> bool:\n    return" in quote("shared/events.py", "is_id")
    assert "```python\ndef take(self" in quote(
        "shared/transport/kafka/offset_tracker.py", "OffsetTracker.take"
    )
    assert "```python\nMAX_ITEMS = 100\n```" in quote("shared/events.py", "MAX_ITEMS")
    assert "```python\n@dataclass" in quote("shared/consuming/effect.py", "Applied")


def test_quoting_a_missing_name_fails() -> None:
    with pytest.raises(NotFound):
        quote("shared/events.py", "nothing")
