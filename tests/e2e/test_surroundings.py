"""The demo in a checkout with an odd path, from a shell with other programs' settings."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from orderctl.stack.process import ROOT
from tests.waiting import eventually

ORDERS = 20
#: Every character is special in a shell, a URL or a settings file, and the databases' paths come
#: close to SQLite's maximum length.
ODD = "a b?mode=memory#c%2Fd%3F:e'f\"g$(h)`i`\\j&k;ü\nl"
LONG = "x" * 200
#: By database, a table with exactly one row per order.
ONCE = {
    "order": "SELECT count(*) FROM orders",
    "mail_sink": "SELECT count(*) FROM mails",
    "sms_gateway": "SELECT count(*) FROM texts",
    "inventory": "SELECT count(*) FROM inbox",
    "analytics": "SELECT count(*) FROM facts",
}
SHELL = {
    # Our own settings, for other services or invalid.
    "LOG_LEVEL": "LOUD",
    "CONCURRENCY": "many",
    "CONSUMERS": "nobody",
    "BROKER_URL": "amqp://127.0.0.1:9/",
    "DATABASE_URL": "mysql://127.0.0.1:9/",
    "FAULTS_ALLOWED": "perhaps",
    "OPERATOR_TOKEN": "short",
    "ORDER_MODE": "never",
    "RETRY_LADDER": "5,1",
    "SMTP_TIMEOUT": "0",
    "WORKERS": "none",
    # Settings of libraries and programs.
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "FLASK_DEBUG": "1",
    "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:9 --no-such-option",
    "WEB_CONCURRENCY": "many",
    "PGSERVICE": "nowhere",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    "SSL_CERT_FILE": "/nowhere",
    # Settings of Python and the terminal.
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "COLUMNS": "20",
    "TERM": "dumb",
    "TMPDIR": "/nowhere",
    "TZ": "Nowhere/At All",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the demo needs, behind a symlink."""
    folder = tmp_path / ODD / LONG / "checkout"
    for name in ("orderctl", "services", "shared", "shop", "simulators"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (tmp_path / "link").symlink_to(folder)
    return tmp_path / "link"


@contextmanager
def kept_running(checkout: Path, said: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo with the open-file limit of macOS and a restrictive umask."""
    demo = f'"{sys.executable}" -m orderctl demo --keep --free-ports --orders {ORDERS}'
    with (
        said.open("wb") as stderr,
        subprocess.Popen(
            ["bash", "-c", f"ulimit -n 256; umask 077; exec {demo} <&-"],
            cwd=checkout,
            env={"PATH": os.defpath, **SHELL},
            stdout=stderr,
            stderr=stderr,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def orders_in(database: Path, query: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(query).fetchone()[0])


def test_the_demo_runs_with_an_odd_path_and_environment(checkout: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with kept_running(checkout, said) as demo:
        eventually(lambda: b"dlq list" in said.read_bytes() or demo.poll() is not None, within=150)
        text = said.read_text(encoding="ascii")
        [audit] = [line for line in text.splitlines() if " audit --accepted " in line]
        audited = subprocess.run(
            ["bash", "-c", audit],
            cwd=checkout,
            env={"PATH": os.defpath},
            capture_output=True,
            check=False,
        )
        demo.send_signal(signal.SIGINT)
        status = demo.wait(180)

    assert (audited.returncode, status) == (0, 0), f"{audited.stderr!r}\n{text}"
    demo_folder = checkout.resolve() / ".demo"
    databases = {path.name for path in tmp_path.rglob("*.db")}
    assert databases == {path.name for path in demo_folder.glob("*.db")}
    effects = {file: orders_in(demo_folder / f"{file}.db", query) for file, query in ONCE.items()}
    assert effects == dict.fromkeys(ONCE, ORDERS)
