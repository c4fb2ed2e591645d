"""An invalid setting is reported with its value and what is valid."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from orderctl.demo_folder import demo_folder
from orderctl.settings import ConsumerAddresses, QueueSettings
from shared.errors import SettingsError
from shared.settings import ConsumerSettings, load

GOOD = {
    "PORT": "8001",
    "BROKER_URL": "amqp://u:p@h/",
    "DATABASE_URL": "postgresql://u:p@h/d",
}


def loaded(monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, str | None]) -> ConsumerSettings:
    for name, value in {**GOOD, **changes}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return load(ConsumerSettings)


def test_valid_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, {"RETRY_LADDER": "0.2, 0.4", "WORK_TIME": "2"})
    assert settings.retry_ladder == (0.2, 0.4)
    assert (settings.work_time, settings.host) == (2.0, "127.0.0.1")


@pytest.mark.parametrize("value", ["INFO", "Info", "info"])
def test_a_log_level_may_be_in_capitals(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert loaded(monkeypatch, {"LOG_LEVEL": value}).log_level == "info"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////a%3Fb/x.db", "postgresql://u:p%40@h/d?sslmode=require&application_name=shop"],
)
def test_an_address_with_known_parameters_is_unchanged(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert loaded(monkeypatch, {"DATABASE_URL": url}).database_url == url


def test_a_file_with_windows_line_ends_gives_the_same_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings of every kind: addresses, numbers, words, lists, secrets."""
    plain = {
        "LOG_LEVEL": "INFO",
        "RETRY_LADDER": "0.2,0.4",
        "FAULTS_ALLOWED": "true",
        "OPERATOR_TOKEN": "0123456789abcdef",
        "HOST": "0.0.0.0",
        "ALLOWED_HOSTS": "shop.example",
    }
    expected = loaded(monkeypatch, plain)
    from_windows = {name: f"{value}\r" for name, value in {**GOOD, **plain}.items()}
    assert loaded(monkeypatch, from_windows) == expected


def test_orderctl_finds_services_and_the_demo_with_windows_line_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEMO_FOLDER", "no-such-folder\r")
    monkeypatch.setenv("CONSUMERS", "email,loyalty\r")
    monkeypatch.setenv("EMAIL_URL", "http://127.0.0.1:9001\r")
    monkeypatch.setenv("LOYALTY_URL", "http://127.0.0.1:9002\r")
    addresses = load(ConsumerAddresses)
    found = [addresses.find(name) for name in load(QueueSettings).consumers]
    assert found == ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]
    assert demo_folder() == Path("no-such-folder")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "http", "PORT is 'http', but takes a port number, 1 to 65535"),
        ("PORT", None, "PORT is not set, but takes a port number"),
        ("PORT", "70000", "PORT is '70000'"),
        ("WORK_TIME", "-1", "WORK_TIME is '-1', but takes seconds, 0 to 3600"),
        ("WORK_TIME", "nan", "WORK_TIME is 'nan'"),
        ("RETRY_LADDER", "5,1", "RETRY_LADDER is '5,1', but takes seconds before each retry"),
        ("RETRY_LADDER", "", "RETRY_LADDER is ''"),
        ("CONCURRENCY", "0", "CONCURRENCY is '0'"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud', but takes debug, info, warning or error"),
        ("BROKER_URL", "redis://u:secret@h", "BROKER_URL is 'redis://u:***@h', but takes a broker"),
        ("BROKER_URL", "kafka:/u:secret@h", "BROKER_URL is 'kafka:/u:***@h'"),
        (
            "BROKER_URL",
            "kafca://h:1?sasl.password=secret&ssl.key.password=secret",
            "BROKER_URL is 'kafca://h:1?sasl.password=***&ssl.key.password=***'",
        ),
        ("DATABASE_URL", "mysql://u:secret@h/d", "DATABASE_URL is 'mysql://u:***@h/d'"),
        ("DATABASE_URL", "sqlite:////a?b/x.db", "write a ? in a path as %3F"),
        ("DATABASE_URL", "sqlite:///x.db?mode=ro", "sqlite:/// takes no parameters"),
        ("DATABASE_URL", "sqlite://x.db", "use an address like sqlite:///path/to/a/file"),
        ("BROKER_URL", "sqlite:////a?b/x.db", "write a ? in a path as %3F"),
        ("BROKER_URL", "amqp://u:secret@h:port/", "not of the form amqp://user:password@host:5672"),
        ("BROKER_URL", "amqp://u:secret@h/v?hearbeat=3", "BROKER_URL is 'amqp://u:***@h/v?hearb"),
        ("BROKER_URL", "kafka://u:secret@h:9092?no.such=1", "no.such"),
        ("BROKER_URL", "sqlite:///" + 600 * "x", "a file whose path is longer than 504 bytes"),
        (
            "DATABASE_URL",
            "postgresql://u:secret@h/d?sslmod=require",
            "DATABASE_URL is 'postgresql://u:***@h/d?sslmod=require', but takes a database's "
            "address: sqlite:///file or postgresql://user:password@host/name: PostgreSQL has no "
            "parameter sslmod",
        ),
        ("DATABASE_URL", "postgresql://u:secret@h:port/d", "in a password, write : / ? @ and %"),
    ],
)
def test_an_invalid_setting_is_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, says: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        loaded(monkeypatch, {name: value})
    assert "secret" not in str(caught.value)


def test_all_invalid_settings_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(monkeypatch, {"PORT": "x", "WORK_TIME": "y"})
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["PORT", "WORK_TIME"]


def test_an_invalid_setting_gives_status_2_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shared.topology"],
        env={"BROKER_URL": "redis://h"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("BROKER_URL is 'redis://h', but takes")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "says"),
    [("services.email.migrate", "database"), ("shared.topology", "RabbitMQ")],
)
def test_a_step_whose_server_is_down_reports_it_in_a_sentence(module: str, says: str) -> None:
    down = {
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
        "BROKER_URL": "amqp://u:p@127.0.0.1:1/",
    }
    step = [sys.executable, "-m", module]
    done = subprocess.run(step, env=os.environ | down, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(says)
    assert "Traceback" not in done.stderr
