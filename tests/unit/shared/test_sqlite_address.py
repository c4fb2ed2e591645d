"""An address means the same file for a database and a broker, with any folder name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database.engine import open_database, reading
from shared.errors import SettingsError
from shared.sqlite_address import MOST_BYTES, sqlite_path, sqlite_url
from shared.transport.embedded.broker import EmbeddedBroker
from tests.service_process import ROOT

ODD = [
    "a blank",
    "what?mode=memory",
    "a#b",
    "50%",
    "up%2Fdown",
    "%3F",
    "a:b@c",
    "file:x",
    'it\'s "quoted" $HOME `x` \\ & ;',
    "größe 日本",
    "two\nlines",
    "a+b=c&d",
    os.fsdecode(b"latin-\xe9"),
]


@pytest.mark.parametrize("name", ODD)
def test_a_database_and_a_broker_are_in_the_intended_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    engine = open_database(sqlite_url(folder / "email.db"))
    with reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    EmbeddedBroker(sqlite_url(folder / "broker.db")).declare(["email"])

    assert sorted(file.name for file in folder.iterdir()) == ["broker.db", "email.db"]
    assert list(tmp_path.rglob("*.db")) == list(folder.glob("*.db"))


@pytest.mark.parametrize("name", ODD)
def test_an_address_is_ascii_without_blanks_and_gives_the_path_back(name: str) -> None:
    path = Path("/somewhere", name, "x.db")
    url = sqlite_url(path)

    assert url.isascii()
    assert len(url.split()) == 1
    assert sqlite_path(url) == path


def test_an_address_written_by_hand_needs_no_percent_signs() -> None:
    assert sqlite_path("sqlite:////a b/größe#1/x.db") == Path("/a b/größe#1/x.db")
    assert sqlite_path("sqlite:///.demo/x.db") == Path.cwd() / ".demo/x.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://x.db", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///%3Amemory%3A", "names no file"),
        ("sqlite:////a%00b", "names no file"),
        ("sqlite:////a?b/x.db", "as %3F"),
        ("sqlite:////x.db?mode=ro", "takes no parameters"),
        (f"sqlite:////{'x' * MOST_BYTES}", "longer than 504 bytes"),
        (f"sqlite:////{'%C3%A9' * (MOST_BYTES // 2)}", "longer than 504 bytes"),
    ],
)
def test_an_address_that_names_no_file_is_refused_with_the_reason(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        sqlite_path(url)


def test_a_path_of_the_greatest_length_is_opened(tmp_path: Path) -> None:
    folder = tmp_path
    while len(os.fsencode(folder)) < MOST_BYTES - 250:
        folder /= "x" * 100
    folder.mkdir(parents=True)
    path = folder / ("y" * (MOST_BYTES - len(os.fsencode(folder)) - 1))

    EmbeddedBroker(sqlite_url(path)).declare(["email"])
    assert path.exists()


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
@pytest.mark.parametrize("utf8", ["0", "1"])
def test_a_path_survives_every_locale(tmp_path: Path, locale: str, utf8: str) -> None:
    words = (
        "import sys; from pathlib import Path; from shared.sqlite_address import *; "
        "url = sqlite_url(Path(sys.argv[1])); sqlite_path(url).touch(); print(url)"
    )
    file = tmp_path / "größe.db"
    environment = {"LC_ALL": locale, "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", words, str(file)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == sqlite_url(file) + "\n"
    assert file.exists()


def test_no_code_builds_such_an_address_by_hand() -> None:
    folders = (
        "bench",
        "docs",
        "loadtest",
        "orderctl",
        "services",
        "shared",
        "shop",
        "simulators",
        "tools",
    )
    by_hand = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "sqlite:///{" in path.read_text(encoding="utf-8")
    ]
    assert by_hand == []
