"""Every file, folder and module named in backticks exists.

Checked are Markdown pages, docstrings and comments. A name that is the label of a link may be
abbreviated; test_links.py checks the link itself.
"""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FILE = re.compile(r"[\w-][\w./-]*\.(?:py|md|toml|yml|in|sh)")
FOLDER = re.compile(r"[\w-][\w./-]*/")
MODULE = re.compile(
    r"(?:python -m )?((?:bench|docs|loadtest|orderctl|services|shared|shop|simulators|tests|tools)"
    r"(?:\.[a-z_]\w*)+)(?: .*)?"
)
LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")
#: Exists beside each program that has dependencies.
IN_MANY_FOLDERS = {"requirements.in"}


def named_but_missing(text: str, folder: Path, known: frozenset[Path]) -> list[str]:
    """The names in `text`, a file in `folder`, that are not `known`."""
    names = CODE.findall(LINK.sub("", text))
    return [name for name in names if not _is_there(name, folder, known)]


def _is_there(name: str, folder: Path, known: frozenset[Path]) -> bool:
    if FILE.fullmatch(name) or FOLDER.fullmatch(name):
        return name in IN_MANY_FOLDERS or bool({Path(name), folder / name} & known)
    if module := MODULE.fullmatch(name):
        path = Path(*module[1].split("."))
        # For example `shared.events.decode`, a function in a module.
        return bool({path, path.with_suffix(".py"), path.parent.with_suffix(".py")} & known)
    return True


@cache
def tracked() -> frozenset[Path]:
    """All files that git does not ignore, and their folders, relative to the root."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    files = {Path(name) for name in names if name}
    return frozenset(files.union(*(file.parents for file in files)))


def texts() -> list[Path]:
    return sorted(file for file in tracked() if file.suffix in (".md", ".py"))


@pytest.mark.parametrize("text", texts(), ids=str)
def test_named_paths_exist(text: Path) -> None:
    assert named_but_missing(text.read_text(), text.parent, tracked()) == []


def test_pages_and_code_are_checked() -> None:
    expected = {Path("README.md"), Path("shared/README.md"), Path("shared/consuming/settle.py")}
    assert expected <= set(texts())


def test_missing_paths_are_found() -> None:
    known = frozenset(map(Path, ["shared/events.py", "shared/http", "shared/http/app.py"]))
    there = ["shared/events.py", "http/", "http/app.py", "shared.events.decode", "GET /orders"]
    gone = ["gone.py", "shared/gone/", "shared.gone.it", "python -m shared.gone.it --all"]
    text = "[`app.py`](http/app.py) " + " ".join(f"`{name}`" for name in there + gone)
    assert named_but_missing(text, Path("shared"), known) == gone
