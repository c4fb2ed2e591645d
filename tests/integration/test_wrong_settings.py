"""An invalid setting stops every process at startup, with status 2 and a helpful message."""

import os
import subprocess
import sys

import pytest

from tests.service_process import ROOT

GOOD = {"BROKER_URL": "sqlite:///broker.db", "DATABASE_URL": "sqlite:///service.db"}
CONSUMERS = ["email", "sms", "inventory", "analytics"]


def run(module: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **settings}
    command = [sys.executable, "-m", module]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("service", CONSUMERS)
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CONCURRENCY", "none", "CONCURRENCY is 'none', but takes a number, 1 to 256"),
        ("DATABASE_URL", "file.db", "DATABASE_URL is 'file.db', but takes a database's address"),
        ("DATABASE_URL", "sqlite:////a?b/x.db", "DATABASE_URL is 'sqlite:////a?b/x.db', but takes"),
        ("BROKER_URL", "amqp://u:p@h:port/", "BROKER_URL is 'amqp://u:***@h:port/', but takes a"),
    ],
)
def test_a_consumer_reports_the_setting_its_value_and_what_is_valid(
    service: str, name: str, value: str, says: str
) -> None:
    ended = run(f"services.{service}", **GOOD | {name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(says)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("module", "name", "value", "says"),
    [
        ("services.email", "SMTP_PORT", "smtp", "SMTP_PORT is 'smtp', but takes a port number"),
        ("services.email", "SMTP_HOST", "", "SMTP_HOST is '', but takes the name or address"),
        ("services.email", "SMTP_TIMEOUT", "0", "SMTP_TIMEOUT is '0', but takes seconds, more"),
        ("services.email", "SMTP_ANSWER_TIMEOUT", "601", "SMTP_ANSWER_TIMEOUT is '601', but"),
        ("services.sms", "SMS_GATEWAY_URL", "localhost:8026", "SMS_GATEWAY_URL is 'localhost"),
        ("services.sms", "SMS_TIMEOUT", "-1", "SMS_TIMEOUT is '-1', but takes seconds"),
        ("simulators.mail_sink", "SMTP_PORT", "0", "SMTP_PORT is '0', but takes a port number"),
        ("simulators.sms_gateway", "DATABASE_URL", "x", "DATABASE_URL is 'x', but takes"),
        ("services.inventory.migrate", "DATABASE_URL", "x", "DATABASE_URL is 'x', but takes"),
    ],
)
def test_settings_of_a_single_process(module: str, name: str, value: str, says: str) -> None:
    ended = run(module, **GOOD | {name: value})
    assert ended.returncode == 2
    assert ended.stderr.startswith(says)


def test_every_invalid_setting_is_reported_on_a_line() -> None:
    ended = run("services.email")
    assert [line.split()[0] for line in ended.stderr.splitlines()] == ["BROKER_URL", "DATABASE_URL"]
